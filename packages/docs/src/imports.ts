/**
 * Who imports whom, read from the syntax of the sources.
 */
import { posix } from "node:path"
import ts from "typescript"
import { filesBelow, packages, read } from "./workspace.ts"

export interface Import {
  /** The importing file, relative to the repository. */
  readonly from: string
  readonly specifier: string
  /** The package of the workspace that it leads to; undefined for others. */
  readonly workspacePackage: string | undefined
}

/** Every import, re-export, dynamic import and import type of the TypeScript files below a directory. */
export const importsBelow = (directory: string): ReadonlyArray<Import> =>
  filesBelow(directory)
    .filter((file) => file.endsWith(".ts") || file.endsWith(".mts"))
    .flatMap((from) =>
      ts.preProcessFile(read(from), true, true).importedFiles.map(({ fileName }) => ({
        from,
        specifier: fileName,
        workspacePackage: leadsTo(from, fileName)
      }))
    )

const leadsTo = (from: string, specifier: string): string | undefined => {
  if (specifier.startsWith(".")) {
    const target = posix.normalize(posix.join(posix.dirname(from), specifier))
    return packages.find(({ directory }) => target.startsWith(`${directory}/`))?.name
  }
  return packages.find(({ name }) => specifier === name || specifier.startsWith(`${name}/`))?.name
}

/**
 * The files of the repository that the checks are about.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"

/** The directory of the repository. */
export const root = fileURLToPath(new URL("../../..", import.meta.url)).replace(/[\\/]$/, "")

const ignored = new Set(["node_modules", "dist", "test-results", ".git", ".turbo", "coverage"])

/** Where the reference of core is generated. */
export const apiDirectory = "docs/api"

/** Every file below a directory, as a path relative to the repository, with `/`. */
export const filesBelow = (directory: string): ReadonlyArray<string> =>
  readdirSync(join(root, directory), { withFileTypes: true }).flatMap((entry) => {
    const name = relative(root, join(root, directory, entry.name))
      .split(sep)
      .join("/")
    if (ignored.has(entry.name) || name === apiDirectory) return []
    return entry.isDirectory() ? filesBelow(name) : entry.isFile() ? [name] : []
  })

/** The text of a file of the repository. */
export const read = (file: string): string => readFileSync(join(root, file), "utf8")

/** Every document, but for changelogs, which are generated, and what is not for readers of the repository. */
export const documents: ReadonlyArray<string> = filesBelow(".")
  .filter((file) => file.endsWith(".md") && !/(?:^|\/)CHANGELOG\.md$/.test(file))
  .toSorted()

export interface Package {
  readonly name: string
  /** Relative to the repository. */
  readonly directory: string
  readonly isPrivate: boolean
  /** Programs by name, as paths relative to the repository. */
  readonly bin: Readonly<Record<string, string>>
  readonly manifest: Readonly<Record<string, unknown>>
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {}

/** The packages of the workspace. */
export const packages: ReadonlyArray<Package> = filesBelow("packages")
  .concat(filesBelow("apps"))
  .filter((file) => /^(?:packages|apps)\/[^/]+\/package\.json$/.test(file))
  .map((file) => {
    const manifest = record(JSON.parse(read(file)))
    const directory = file.slice(0, -"/package.json".length)
    const bin = Object.entries(record(manifest["bin"])).map(([name, path]) => [name, `${directory}/${path}`])
    return {
      name: String(manifest["name"]),
      directory,
      isPrivate: manifest["private"] === true,
      bin: Object.fromEntries(bin),
      manifest
    }
  })

/** The scripts of the repository's own package.json. */
export const rootScripts: Readonly<Record<string, unknown>> = record(
  record(JSON.parse(read("package.json")))["scripts"]
)

/**
 * What is in a tarball.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs"
import { join, sep } from "node:path"
import { type Manifest, readManifest } from "./workspace.ts"

export interface Tarball {
  /** Where it was unpacked to. */
  readonly directory: string
  readonly manifest: Manifest
  /** Sorted, relative, with slashes. */
  readonly files: ReadonlyArray<string>
  /** Bytes that are transferred. */
  readonly packed: number
  /** Bytes on disk. */
  readonly unpacked: number
}

/** Unpacks a tarball into an empty directory. */
export const unpack = (tarball: string, directory: string): Tarball => {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  execFileSync("tar", ["-xzf", tarball, "-C", directory, "--strip-components=1"])
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(directory.length + 1)
        .replaceAll(sep, "/")
    )
    .toSorted()
  return {
    directory,
    manifest: readManifest(directory),
    files,
    packed: statSync(tarball).size,
    unpacked: files.reduce((sum, file) => sum + statSync(join(directory, file)).size, 0)
  }
}

/**
 * The list of files as one reads it: what the compiler made of a module stands with the module, what cannot be imported
 * and chunks with a hash in their name are counted as one.
 */
export const outline = (files: ReadonlyArray<string>): ReadonlyArray<string> => {
  const shown = files.map((file) => {
    if (/^(?:dist|src)\/internal\//.test(file)) return `${file.split("/")[0]}/internal/**`
    if (/^dist\/.+-[\w-]{8}\.js$/.test(file)) return "dist/<chunk>-<hash>.js"
    return file.replace(/^(dist\/.+)\.(?:d\.ts|d\.ts\.map|js|js\.map)$/, "$1.*")
  })
  return [...new Set(shown)].toSorted()
}

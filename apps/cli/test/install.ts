/**
 * Packs the program and installs it globally, below a directory of its own.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { TestProject } from "vitest/node"

declare module "vitest" {
  export interface ProvidedContext {
    readonly installed: { readonly bin: string; readonly packedBytes: number; readonly directory: string }
  }
}

export default (project: TestProject) => {
  const directory = mkdtempSync(join(tmpdir(), "hb-sessions-cli-"))
  const prefix = join(directory, "prefix")
  const npm = (args: ReadonlyArray<string>, cwd: string) => execFileSync("npm", args, { cwd, stdio: "pipe" })
  npm(["pack", "--pack-destination", directory], fileURLToPath(new URL("..", import.meta.url)))
  const tarball = join(directory, readdirSync(directory).find((name) => name.endsWith(".tgz")) ?? "")
  npm(["install", "--global", "--offline", "--no-audit", "--no-fund", "--prefix", prefix, tarball], directory)
  project.provide("installed", {
    bin: join(prefix, "bin", "hb-sessions"),
    packedBytes: statSync(tarball).size,
    directory
  })
  return () => rmSync(directory, { recursive: true, force: true })
}

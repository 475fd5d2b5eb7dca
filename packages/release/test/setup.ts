/**
 * Packs the published packages once, and installs them with npm outside the workspace: the libraries into a project,
 * the apps globally.
 *
 * pnpm packs, as it does when it publishes: npm would leave `catalog:` and `workspace:` in the manifests, and would not
 * apply `publishConfig`.
 */
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import type { TestProject } from "vitest/node"
import { apps, published, root } from "../src/workspace.ts"

export interface Installed {
  /** A tarball by the id of its package. */
  readonly tarballs: Readonly<Record<string, string>>
  /** A project with core, the simulator and Effect, and the programs of `fixtures/consumer`. */
  readonly consumer: string
  /** A prefix with the apps. */
  readonly prefix: string
  /** A directory for more; it is removed at the end. */
  readonly scratch: string
}

declare module "vitest" {
  export interface ProvidedContext {
    readonly installed: Installed
  }
}

/** A registry that cannot be reached fails the tests, rather than holding them up. In milliseconds. */
const REGISTRY_TIMEOUT = 120_000

/** npm and what it installs run with the Node that runs the tests, whichever started npm. */
export const nodeFirst: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`
}

export const npm = (args: ReadonlyArray<string>, cwd: string): string =>
  execFileSync("npm", [...args, "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"], {
    cwd,
    env: nodeFirst,
    encoding: "utf8",
    stdio: "pipe",
    timeout: REGISTRY_TIMEOUT
  })

export default (project: TestProject) => {
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), "hb-sessions-release-")))

  const packed = join(scratch, "packed")
  const filters = published.flatMap(({ manifest }) => ["--filter", manifest.name])
  const pack = ["-y", "pnpm@12", "-r", ...filters, "pack", "--pack-destination", packed]
  execFileSync("npx", pack, { cwd: root, stdio: "pipe", timeout: REGISTRY_TIMEOUT })
  const files = readdirSync(packed)
  const tarballs = Object.fromEntries(
    published.map(({ id }) => [id, join(packed, files.find((file) => file.startsWith(`hb-sessions-${id}-`)) ?? "")])
  )

  const consumer = join(scratch, "consumer")
  mkdirSync(consumer)
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ private: true, type: "module" }))
  cpSync(fileURLToPath(new URL("fixtures/consumer/", import.meta.url)), consumer, { recursive: true })
  npm(["install", ...["core", "simulator"].map((id) => tarballs[id] ?? "")], consumer)

  const prefix = join(scratch, "prefix")
  npm(["install", "--global", "--offline", "--prefix", prefix, ...apps.map(({ id }) => tarballs[id] ?? "")], scratch)

  project.provide("installed", { tarballs, consumer, prefix, scratch })
  return () => rmSync(scratch, { recursive: true, force: true })
}

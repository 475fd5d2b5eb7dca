/**
 * Command-line tools of others, installed beside this package when they are needed.
 *
 * They are heavy, so they are no dependencies: the first run installs them with npm, further ones find them.
 */
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

/** A tool that can be run. */
export interface Peer {
  readonly name: string
  /** The file that Node runs. */
  readonly file: string
}

/** Exact, so that results can be compared. */
const versions: Readonly<Record<string, string>> = { browse: "0.9.3", vercel: "60.1.3", wrangler: "4.164.0" }

const INSTALL_MILLIS = 180_000

const root = fileURLToPath(new URL("../.peers/", import.meta.url))

/** What keeps them from asking the network whether there is something newer, and from reporting that they were run. */
export const quietly = {
  CI: "1",
  DO_NOT_TRACK: "1",
  NO_UPDATE_NOTIFIER: "1",
  VERCEL_TELEMETRY_DISABLED: "1",
  WRANGLER_SEND_METRICS: "false"
}

const find = (name: string, folder: string): Peer | undefined => {
  const home = join(folder, "node_modules", name)
  if (!existsSync(join(home, "package.json"))) return undefined
  const { bin, version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as {
    readonly bin: Readonly<Record<string, string>>
    readonly version: string
  }
  const file = bin[name]
  return file === undefined || version !== versions[name] ? undefined : { name, file: join(home, file) }
}

const install = async (name: string, version: string): Promise<Peer | undefined> => {
  const folder = join(root, name)
  const found = find(name, folder)
  if (found !== undefined) return found
  console.error(`bench: installing ${name} ${version}`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n')
  const flags = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", `${name}@${version}`]
  return promisify(execFile)("npm", flags, { cwd: folder, timeout: INSTALL_MILLIS }).then(
    () => find(name, folder),
    (error: Error) => {
      console.error(`bench: ${name} ${version} cannot be installed, so it is left out: ${error.message}`)
      rmSync(folder, { recursive: true, force: true })
      return undefined
    }
  )
}

interface Found {
  readonly peers: ReadonlyArray<Peer>
  /** Names of those that are not there. */
  readonly missing: ReadonlyArray<string>
}

const collect = async (get: (name: string, version: string) => Promise<Peer | undefined>): Promise<Found> => {
  const peers: Array<Peer> = []
  const missing: Array<string> = []
  for (const [name, version] of Object.entries(versions)) {
    const peer = await get(name, version)
    if (peer === undefined) missing.push(name)
    else peers.push(peer)
  }
  return { peers, missing }
}

/** The tools that are there, after those that were not have been installed where that is possible. */
export const installPeers = (): Promise<Found> => collect(install)

/** The tools that are there, without installing any. */
export const findPeers = (): Promise<Found> => collect(async (name) => find(name, join(root, name)))

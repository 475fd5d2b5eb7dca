/**
 * A PostgreSQL server for tests: the programs of the system, in a temporary directory, reached by a socket in it.
 *
 * The server does not run as root: started by root, it belongs to the user `postgres`, which Debian's package makes.
 */
import { execFile, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Readable } from "node:stream"
import { promisify } from "node:util"

/** A running server. */
export interface Postgres {
  /** The variables by which `psql` and others find it: the database `postgres`, and a user who may do everything. */
  readonly env: { readonly PGHOST: string; readonly PGUSER: string; readonly PGDATABASE: string }
  /** Stops it, and removes its directory. */
  readonly stop: () => Promise<void>
}

const DEBIAN = "/usr/lib/postgresql"

/** Where the programs of the server are: Debian has the newest version here, others have them in the path. */
const programs = (): string => {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a)) : []
  const found = versions.map((version) => join(DEBIAN, version, "bin")).find((bin) => existsSync(join(bin, "initdb")))
  return found ?? ""
}

const isRoot = process.getuid?.() === 0

const idOf = (flag: string): number => Number(spawnSync("id", [flag, "postgres"], { encoding: "utf8" }).stdout)

/** A command of the server, as its owner; it ends with the process that started it. */
const command = (program: string, words: ReadonlyArray<string>): readonly [string, ReadonlyArray<string>] => {
  const owner = isRoot ? ["--reuid=postgres", "--regid=postgres", "--init-groups"] : []
  return ["setpriv", [...owner, "--pdeathsig=KILL", join(programs(), program), ...words]]
}

/** Whether a server can be started here. */
export const hasPostgres: boolean = (() => {
  const [program, words] = command("initdb", ["--version"])
  const works = (file: string, args: ReadonlyArray<string>) => spawnSync(file, args, { stdio: "ignore" }).status === 0
  return works(program, words) && works("psql", ["--version"])
})()

/** Starts a server that keeps nothing: it does not wait for the disk. */
export const startPostgres = async (): Promise<Postgres> => {
  const directory = mkdtempSync(join(tmpdir(), "hb-pg-"))
  chmodSync(directory, 0o755)
  if (isRoot) chownSync(directory, idOf("-u"), idOf("-g"))
  const remove = () => rmSync(directory, { recursive: true, force: true })
  const data = join(directory, "data")
  try {
    const [initdb, words] = command("initdb", [
      "--auth=trust",
      "--username=postgres",
      "--encoding=UTF8",
      "--no-sync",
      data
    ])
    await promisify(execFile)(initdb, words, { cwd: directory })
    const [postgres, options] = command("postgres", ["-D", data, "-k", directory, "-c", "listen_addresses=", "-F"])
    const server = spawn(postgres, options, { cwd: directory, stdio: ["ignore", "ignore", "pipe"] })
    const ended = once(server, "close")
    await isReady(server.stderr)
    return {
      env: { PGHOST: directory, PGUSER: "postgres", PGDATABASE: "postgres" },
      stop: async () => {
        server.kill("SIGQUIT")
        await ended
        remove()
      }
    }
  } catch (error) {
    remove()
    throw error
  }
}

/** Waits until the log says that connections are accepted, and goes on reading it. */
const isReady = (log: Readable): Promise<void> =>
  new Promise((resolve, reject) => {
    let text = ""
    log.setEncoding("utf8").on("data", (piece: string) => {
      text = (text + piece).slice(-10_000)
      if (text.includes("ready to accept connections")) resolve()
    })
    log.on("end", () => reject(new Error(`PostgreSQL does not start: ${text}`)))
  })

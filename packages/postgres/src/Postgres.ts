/**
 * A PostgreSQL server for tests: the programs of the system, in a temporary directory, reached by a socket in it.
 *
 * The server does not run as root: started by root, it belongs to the user `postgres`, which Debian's package makes.
 */
import { execFile, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { type AddressInfo, createServer } from "node:net"
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

/** How a server that is reached by TCP is set up. */
export interface TcpOptions {
  /** Whether it has a certificate for localhost and 127.0.0.1, and rejects connections without TLS. False by default. */
  readonly isTls?: boolean
  /** The password of the user who may do everything. */
  readonly password?: string
}

/** A running server that is reached by TCP, with a password. */
export interface PostgresTcp extends Postgres {
  readonly port: number
  /** The authority that its certificate is of, which is the certificate itself; it is there with TLS only. */
  readonly authority: string
  readonly password: string
  /** The database `postgres` as the user who may do everything, with the password. */
  readonly url: string
  /** Ends it at once, as a crash would, and leaves its data. */
  readonly shutDown: () => Promise<void>
  /** Starts it again on the same port. */
  readonly startAgain: () => Promise<void>
  /** The process of the server, to be frozen. */
  readonly process: () => number
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
const command = (program: string, words: ReadonlyArray<string>): readonly [string, ReadonlyArray<string>] =>
  asOwner([join(programs(), program), ...words])

const asOwner = (words: ReadonlyArray<string>): readonly [string, ReadonlyArray<string>] => {
  const owner = isRoot ? ["--reuid=postgres", "--regid=postgres", "--init-groups"] : []
  return ["setpriv", [...owner, "--pdeathsig=KILL", ...words]]
}

/** Whether a server can be started here. */
export const hasPostgres: boolean = (() => {
  const [program, words] = command("initdb", ["--version"])
  const works = (file: string, args: ReadonlyArray<string>) => spawnSync(file, args, { stdio: "ignore" }).status === 0
  return works(program, words) && works("psql", ["--version"])
})()

/** Starts a server that keeps nothing: it does not wait for the disk. */
export const startPostgres = async (): Promise<Postgres> => {
  const { directory, remove, start } = await install("trust")
  const server = await start(["-c", "listen_addresses="])
  return {
    env: { PGHOST: directory, PGUSER: "postgres", PGDATABASE: "postgres" },
    stop: async () => {
      await server.end()
      remove()
    }
  }
}

/** Starts a server on a port of 127.0.0.1; by its socket it needs no password. */
export const startPostgresTcp = async ({
  isTls = false,
  password = "s3cr3t-of-postgres"
}: TcpOptions = {}): Promise<PostgresTcp> => {
  const { directory, remove, start } = await install("scram-sha-256", password)
  const authority = join(directory, "data/server.crt")
  if (isTls) await addCertificate(directory)
  const port = await freePort()
  const options = ["-c", "listen_addresses=127.0.0.1", "-c", `port=${port}`, "-c", `ssl=${isTls ? "on" : "off"}`]
  let server = await start(options)
  return {
    env: { PGHOST: directory, PGUSER: "postgres", PGDATABASE: "postgres" },
    port,
    password,
    authority,
    url: `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`,
    shutDown: () => server.end(),
    startAgain: async () => {
      server = await start(options)
    },
    process: () => server.pid,
    stop: async () => {
      await server.end()
      remove()
    }
  }
}

/** Gives a server a certificate of its own making, and rejects all connections by TCP without TLS. */
const addCertificate = async (directory: string): Promise<void> => {
  const data = join(directory, "data")
  const [setpriv, words] = asOwner([
    ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
    ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ...["-keyout", join(data, "server.key"), "-out", join(data, "server.crt")]
  ])
  await promisify(execFile)(setpriv, words, { cwd: directory })
  const rules = join(data, "pg_hba.conf")
  writeFileSync(rules, readFileSync(rules, "utf8").replaceAll(/^host /gm, "hostssl "))
}

/** A port that was free just now; the server has to have the same one after a restart. */
const freePort = async (): Promise<number> => {
  const probe = createServer()
  await once(probe.listen(0, "127.0.0.1"), "listening")
  const { port } = probe.address() as AddressInfo
  await once(probe.close(), "close")
  return port
}

/** Makes the directory of a server, and says how it is started. */
const install = async (hostAuthentication: "trust" | "scram-sha-256", password?: string) => {
  const directory = mkdtempSync(join(tmpdir(), "hb-pg-"))
  chmodSync(directory, 0o755)
  if (isRoot) chownSync(directory, idOf("-u"), idOf("-g"))
  const remove = () => rmSync(directory, { recursive: true, force: true })
  const data = join(directory, "data")
  const passwordFile = join(directory, "password")
  if (password !== undefined) {
    writeFileSync(passwordFile, password)
    if (isRoot) chownSync(passwordFile, idOf("-u"), idOf("-g"))
  }
  try {
    const [initdb, words] = command("initdb", [
      "--auth-local=trust",
      `--auth-host=${hostAuthentication}`,
      "--username=postgres",
      "--encoding=UTF8",
      "--no-sync",
      ...(password === undefined ? [] : [`--pwfile=${passwordFile}`]),
      data
    ])
    await promisify(execFile)(initdb, words, { cwd: directory })
  } catch (error) {
    remove()
    throw error
  }
  const start = async (settings: ReadonlyArray<string>) => {
    try {
      const [postgres, options] = command("postgres", ["-D", data, "-k", directory, ...settings, "-F"])
      const server = spawn(postgres, options, { cwd: directory, stdio: ["ignore", "ignore", "pipe"] })
      const ended = once(server, "close")
      await isReady(server.stderr)
      return {
        pid: server.pid ?? 0,
        end: async () => {
          server.kill("SIGQUIT")
          await ended
        }
      }
    } catch (error) {
      remove()
      throw error
    }
  }
  return { directory, remove, start }
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

/**
 * A Redis server for tests: Debian's `redis-server`, on a free port of this machine, that can be made to misbehave.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Readable } from "node:stream"
import { promisify } from "node:util"

/** How a server is started. */
export interface RedisOptions {
  /** The password of all who connect. */
  readonly password?: string
  /** Whether it takes TLS only, with a certificate for 127.0.0.1 that `ca` has signed. */
  readonly tls?: boolean
}

/** A running server. */
export interface Redis {
  readonly port: number
  /** Where it is, without its password. */
  readonly url: string
  /** The file with the certificate that signed its own; it does not exist without TLS. */
  readonly ca: string
  /** Sends a command by `redis-cli`, and gives what it prints. */
  readonly send: (...words: ReadonlyArray<string>) => Promise<string>
  /** Stops it in the middle of whatever it does: its port takes connections, and nothing answers. */
  readonly freeze: () => void
  readonly thaw: () => void
  /** Ends it at once; its port takes no connections then. */
  readonly kill: () => Promise<void>
  /** Starts it again, empty, at the same port. */
  readonly restart: () => Promise<void>
  /** Ends it, and removes its directory. */
  readonly stop: () => Promise<void>
}

const works = (file: string, ...words: ReadonlyArray<string>) =>
  spawnSync(file, words, { stdio: "ignore" }).status === 0

/** Whether a server can be started here. */
export const hasRedis: boolean = works("setpriv", "redis-server", "--version") && works("redis-cli", "--version")

/** Starts an empty server that keeps nothing on disk. */
export const startRedis = async ({ password = "", tls = false }: RedisOptions = {}): Promise<Redis> => {
  const directory = mkdtempSync(join(tmpdir(), "hb-redis-"))
  const file = (name: string) => join(directory, name)
  let server: { readonly process: ChildProcess; readonly ended: Promise<unknown> } | undefined
  const kill = async () => {
    server?.process.kill("SIGKILL")
    await server?.ended
    server = undefined
  }
  const stop = async () => {
    await kill()
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    if (tls) await makeCertificates(directory)
    const port = await freePort()
    const secure = ["--tls-port", String(port), "--port", "0", "--tls-auth-clients", "no"]
    const certificates = [
      ...["--tls-cert-file", file("server.pem"), "--tls-key-file", file("server.key")],
      ...["--tls-ca-cert-file", file("ca.pem")]
    ]
    const words = [
      ...["--bind", "127.0.0.1", "--dir", directory, "--save", "", "--appendonly", "no"],
      ...(password === "" ? [] : ["--requirepass", password]),
      ...(tls ? [...secure, ...certificates] : ["--port", String(port)])
    ]
    const start = async () => {
      // It ends with the process that started it.
      const process = spawn("setpriv", ["--pdeathsig=KILL", "redis-server", ...words], {
        stdio: ["ignore", "pipe", "ignore"]
      })
      server = { process, ended: once(process, "close") }
      await isReady(process.stdout)
    }
    await start()
    const cli = [
      ...["-h", "127.0.0.1", "-p", String(port)],
      ...(password === "" ? [] : ["--no-auth-warning", "-a", password]),
      ...(tls ? ["--tls", "--cacert", file("ca.pem")] : [])
    ]
    return {
      port,
      url: `${tls ? "rediss" : "redis"}://127.0.0.1:${port}`,
      ca: file("ca.pem"),
      send: async (...command) => (await promisify(execFile)("redis-cli", [...cli, ...command])).stdout.trim(),
      freeze: () => void server?.process.kill("SIGSTOP"),
      thaw: () => void server?.process.kill("SIGCONT"),
      kill,
      restart: async () => {
        await kill()
        await start()
      },
      stop
    }
  } catch (error) {
    await stop()
    throw error
  }
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return port
}

/** A certificate of an authority of its own, and one for 127.0.0.1 that it has signed. */
const makeCertificates = async (directory: string): Promise<void> => {
  const openssl = (...words: ReadonlyArray<string>) => promisify(execFile)("openssl", words, { cwd: directory })
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
  await openssl("req", "-x509", ...key, "-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.pem")
  await openssl(
    ...["req", "-x509", ...key, "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
    ...["-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.pem"]
  )
}

/** Waits until the log says that connections are accepted, and goes on reading it. */
const isReady = (log: Readable): Promise<void> =>
  new Promise((resolve, reject) => {
    let text = ""
    log.setEncoding("utf8").on("data", (piece: string) => {
      text = (text + piece).slice(-10_000)
      if (text.includes("Ready to accept connections")) resolve()
    })
    log.on("end", () => reject(new Error(`Redis does not start: ${text}`)))
  })

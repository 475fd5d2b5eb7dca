/**
 * A real store for tests: Ceph's RADOS Gateway over a store in memory, from Debian's packages.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"

/** Debian's packages that it needs. */
export const packages = ["radosgw", "ceph-mon", "ceph-osd", "ceph-common"]

const programs = ["radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph", "monmaptool", "setpriv"]

const isProgram = (name: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** Whether everything is installed; where not, tests say so and are skipped. */
export const isInstalled: boolean = programs.every(isProgram)

/** A running gateway. */
export interface RunningRgw {
  /** Where it listens, without a path. */
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** The variables that lead a client here. */
  readonly environment: Readonly<Record<string, string>>
  /** Ends its processes and removes what they wrote. */
  readonly stop: () => Promise<void>
}

/** A gateway for programs with Effect; it ends when its scope closes. */
export class Rgw extends Context.Service<Rgw, RunningRgw>()("@hb-sessions/object-store/Rgw") {
  static readonly layer: Layer.Layer<Rgw> = Layer.effect(
    Rgw,
    Effect.acquireRelease(Effect.promise(startRgw), ({ stop }) => Effect.promise(stop))
  )
}

const KEYS = { accessKeyId: "rgw-test-key", secretAccessKey: "rgw-test-secret" }

/** How long each step may take, in milliseconds. */
const PATIENCE = 60_000

/** How long after its end a daemon is started again, in milliseconds. */
const RESTART_AFTER = 200

/** Starts a gateway without buckets; it takes some ten seconds. Rejects with the end of the log that tells why not. */
export async function startRgw(): Promise<RunningRgw> {
  const directory = mkdtempSync(join(tmpdir(), "hb-sessions-rgw-"))
  const [port, monitorPort] = [await freePort(), await freePort()]
  const config = join(directory, "ceph.conf")
  const daemons = new Set<ChildProcess>()
  // While it starts, daemons that end are started again.
  let isStarting = true
  const run = (program: string, ...args: ReadonlyArray<string>) =>
    promisify(execFile)("setpriv", [...DIE_WITH_US, program, ...args, "-c", config], { timeout: PATIENCE })
  const start = (program: string, ...args: ReadonlyArray<string>) => {
    const daemon = spawn("setpriv", [...DIE_WITH_US, program, "-f", ...args, "-c", config], { stdio: "ignore" })
    daemons.add(daemon)
    daemon.once("exit", () => {
      daemons.delete(daemon)
      // A daemon that is faster than its peers can end with "wrong fsid", and succeeds the next time.
      if (isStarting) setTimeout(() => isStarting && start(program, ...args), RESTART_AFTER)
    })
  }
  const stop = async () => {
    isStarting = false
    const ended = [...daemons].map((daemon) => once(daemon, "exit"))
    for (const daemon of daemons) daemon.kill("SIGKILL")
    await Promise.all(ended)
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    for (const name of ["mon", "osd", "rgw"]) mkdirSync(join(directory, name))
    const fsid = randomUUID()
    writeFileSync(config, configOf(directory, fsid, port, monitorPort))
    const monmap = join(directory, "monmap")
    await promisify(execFile)("monmaptool", [
      ...["--create", "--clobber", "--fsid", fsid],
      ...["--addv", "a", `v1:127.0.0.1:${monitorPort}`, monmap]
    ])
    await run("ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap)
    start("ceph-mon", "-i", "a")
    const osd = randomUUID()
    await run("ceph", "osd", "new", osd, "0")
    // It complains that there is no directory to lock, and is ready all the same.
    await run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd).catch(() => {})
    start("ceph-osd", "-i", "0")
    await run(
      "radosgw-admin",
      ...["user", "create", "--uid", "test", "--display-name", "test"],
      ...["--access-key", KEYS.accessKeyId, "--secret-key", KEYS.secretAccessKey]
    )
    start("radosgw", "-n", "client.rgw")
    await untilServed(`http://127.0.0.1:${port}`)
    isStarting = false
  } catch (error) {
    const log = lastLines(join(directory, "client.rgw.log"))
    await stop()
    throw new Error(`Ceph RGW does not start: ${String(error)}\n${log}`, { cause: error })
  }
  const endpoint = `http://127.0.0.1:${port}`
  return {
    ...KEYS,
    endpoint,
    environment: {
      AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
      AWS_REGION: "us-east-1",
      AWS_ENDPOINT_URL_S3: endpoint
    },
    stop
  }
}

/** For `setpriv`: the program ends with the process that started it, however that ends. */
const DIE_WITH_US = ["--pdeathsig", "KILL"]

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  return typeof address === "object" && address !== null ? address.port : 0
}

const untilServed = async (url: string, started = performance.now()): Promise<void> => {
  const isServed = await fetch(url).then(
    ({ status }) => status === 200,
    () => false
  )
  if (isServed) return
  if (performance.now() - started > PATIENCE) throw new Error("it does not answer")
  await sleep(50)
  return untilServed(url, started)
}

const lastLines = (file: string): string => {
  try {
    return readFileSync(file, "utf8").split("\n").slice(-10).join("\n")
  } catch {
    return ""
  }
}

const MEMORY = 1024 ** 3

/**
 * Without `tcp_nodelay` the gateway keeps the end of most answers back until the client's system has said, after 40 ms,
 * that their start has come.
 */
const configOf = (directory: string, fsid: string, port: number, monitorPort: number): string => `[global]
fsid = ${fsid}
mon host = v1:127.0.0.1:${monitorPort}
mon initial members = a
paxos propose interval = 0.05
paxos min wait = 0.02
public addr = 127.0.0.1
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd crush chooseleaf type = 0
mon allow pool size one = true
mon osd min in ratio = 0
mon max pg per osd = 2000
run dir = ${directory}
log file = ${directory}/$name.log
admin socket = ${directory}/$name.asok
pid file = ${directory}/$name.pid

[mon]
mon data = ${directory}/mon
mon cluster log file = ${directory}/cluster.log
auth allow insecure global id reclaim = true

[mon.a]
mon addr = 127.0.0.1:${monitorPort}

[osd]
osd data = ${directory}/osd
osd objectstore = memstore
memstore device bytes = ${MEMORY}
osd memory target = ${MEMORY}

[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:${port} tcp_nodelay=1
rgw data = ${directory}/rgw
`

/**
 * What the tests of a fleet share: a database, an API that notes who asks for what, and workers as processes.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { hasPostgres, type PostgresTcp, startPostgresTcp } from "@hb-sessions/postgres/Postgres"
import { type RunningSimulator, type SimulatorOptions, startSimulator } from "@hb-sessions/simulator/Simulator"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer, request, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { bin } from "./support.ts"

// oxlint-disable-next-line no-console
if (!hasPostgres) console.warn("skipped: the tests of fleets, which need PostgreSQL, which is not installed here")

/** A schedule that is not due while a test runs. */
export const NEVER = 'cron = "0 0 1 1 *"'

export const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  if (await isSo()) return
  await sleep(50)
  await until(isSo)
}

/** A request to the API. */
export interface Asked {
  readonly account: string
  readonly worker: string
  /** When it came, and when it was answered; infinite until then. */
  readonly from: number
  to: number
}

/** A worker as a process. */
export interface WorkerProcess {
  readonly name: string
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  /** What it has logged so far. */
  readonly log: () => string
}

export interface Fleet {
  readonly postgres: PostgresTcp
  readonly simulator: RunningSimulator
  readonly directory: string
  readonly accountsFile: string
  /** Writes the accounts file: what stands below each account. */
  readonly writeAccounts: (accounts: Readonly<Record<string, string>>, defaults?: string) => void
  readonly asked: ReadonlyArray<Asked>
  readonly start: (name: string, args?: ReadonlyArray<string>, env?: Bin.Env) => Promise<WorkerProcess>
  /** Where an account is published. */
  readonly outOf: (account: string) => string
  /** Runs SQL in the schema of the fleet; its rows. */
  readonly sql: (text: string) => Promise<ReadonlyArray<Record<string, string>>>
  readonly stop: () => Promise<void>
}

/** Passes the requests of one worker on, and notes them; the account is the first part of the path. */
const recorder = async (worker: string, target: string, asked: Array<Asked>): Promise<Server> => {
  const server = createServer((incoming, outgoing) => {
    const url = new URL(incoming.url ?? "", "http://api.example")
    const [, account = "", ...rest] = url.pathname.split("/")
    const note: Asked = { account, worker, from: performance.now(), to: Infinity }
    asked.push(note)
    const passed = request(
      `${target}/${rest.join("/")}${url.search}`,
      { method: incoming.method, headers: { ...incoming.headers, host: new URL(target).host } },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      }
    )
    passed.on("error", () => outgoing.destroy())
    outgoing.on("close", () => {
      note.to = performance.now()
      passed.destroy()
    })
    incoming.pipe(passed)
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  return server
}

export const isReady = ({ log }: WorkerProcess) => until(() => log().includes(" is ready: "))

let schemas = 0

/**
 * Starts all of it; each worker reaches the API through a recorder of its own. Fleets share a server that is given, in a
 * schema each.
 */
export const startFleet = async (options: SimulatorOptions, given?: PostgresTcp): Promise<Fleet> => {
  const [postgres, simulator] = await Promise.all([given ?? startPostgresTcp(), startSimulator(options)])
  const schema = `fleet_${schemas++}`
  const directory = mkdtempSync(join(tmpdir(), "hb-sessions-fleet-"))
  const accountsFile = join(directory, "accounts.toml")
  writeFileSync(join(directory, "key"), simulator.apiKey)
  const asked: Array<Asked> = []
  const recorders: Array<Server> = []
  const workers: Array<WorkerProcess> = []

  const start: Fleet["start"] = async (name, args = [], env = {}) => {
    const server = await recorder(name, simulator.url, asked)
    recorders.push(server)
    const child = spawn(process.execPath, [bin, "worker", "--accounts", accountsFile, ...args], {
      cwd: directory,
      env: {
        ...Bin.nodeEnv,
        HB_SESSIONS_EXPORT_DATABASE: postgres.url,
        HB_SESSIONS_EXPORT_DATABASE_SCHEMA: schema,
        HB_SESSIONS_RETRIES: "0",
        no_proxy: "127.0.0.1",
        http_proxy: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        ...env
      },
      stdio: ["ignore", "ignore", "pipe"]
    })
    let log = ""
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log += text
    })
    const ended = once(child, "close").then(([code]: ReadonlyArray<unknown>) =>
      typeof code === "number" ? code : null
    )
    const worker: WorkerProcess = { name, child, ended, log: () => log }
    workers.push(worker)
    return worker
  }
  return {
    postgres,
    simulator,
    directory,
    accountsFile,
    asked,
    start,
    writeAccounts: (accounts, defaults = "") =>
      writeFileSync(
        accountsFile,
        [
          `[defaults]\napi_key_file = "key"\nout = ${JSON.stringify(join(directory, "out", "{account}"))}`,
          'base_url = "http://api.example/{account}"',
          defaults,
          ...Object.entries(accounts).map(([name, own]) => `[accounts.${name}]\n${own}`)
        ].join("\n")
      ),
    outOf: (account) => join(directory, "out", account),
    sql: async (text) => {
      const child = spawn("psql", ["--no-psqlrc", "--csv", "--command", text], {
        env: {
          PATH: process.env["PATH"],
          ...postgres.env,
          PGPORT: String(postgres.port),
          PGOPTIONS: `--search-path=${schema}`
        },
        stdio: ["ignore", "pipe", "ignore"]
      })
      let out = ""
      child.stdout.setEncoding("utf8").on("data", (piece: string) => {
        out += piece
      })
      await once(child, "close")
      const [head = "", ...lines] = out.trimEnd().split("\n")
      const names = head.split(",")
      return lines.map((line) => {
        const cells = line.split(",")
        return Object.fromEntries(names.map((name, at) => [name, cells[at] ?? ""]))
      })
    },
    stop: async () => {
      for (const { child } of workers) child.kill("SIGKILL")
      await Promise.all(workers.map(({ ended }) => ended))
      for (const server of recorders) {
        server.closeAllConnections()
        server.close()
      }
      await Promise.all([simulator.stop(), given === undefined ? postgres.stop() : undefined])
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

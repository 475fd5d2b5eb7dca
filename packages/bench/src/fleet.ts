/**
 * `fleet`: the exports of many accounts by one, two and four workers, and what a job costs more than a run.
 */
import { hasPostgres, type PostgresTcp, startPostgresTcp } from "@hb-sessions/postgres/Postgres"
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { median } from "./Comparison.ts"
import { atLeast, atMost, type Section, significant } from "./Report.ts"
import { cpuSeconds, disposable } from "./servers/processes.ts"
import { withUpstream } from "./upstream.ts"

const ACCOUNTS = 200

/** Sessions of each list: 20 pages. */
const SESSIONS = 200

/** Exports at a time, with a page in flight each: the workers wait for the upstream, as they do at night. */
const PACE = ["--parallel", "2", "--concurrency", "1"]

const LATENCY_MILLIS = 20

/** Sessions of the list that the figures on paper start from. */
const LONG = 100_000

const exportBin = fileURLToPath(import.meta.resolve("@hb-sessions/export/dist/bin.js"))

/** A place for one measurement: accounts, a schema, directories. */
interface Site {
  readonly accountsFile: string
  readonly env: Readonly<Record<string, string>>
  readonly sql: (text: string) => Promise<string>
}

interface Measured {
  readonly seconds: number
  /** CPU seconds of all workers. */
  readonly cpu: number
}

export const fleet = async (rounds: number): Promise<Section> => {
  const name = "fleet"
  const work = `Export ${ACCOUNTS} accounts of ${SESSIONS} sessions each, from an upstream that takes ${LATENCY_MILLIS} ms for each of 20 pages; two accounts at a time in each worker, one page in flight each.`
  if (!hasPostgres) return { name, work, tables: [], claims: [], notes: ["Not run: there is no PostgreSQL here."] }
  const root = mkdtempSync(join(tmpdir(), "hb-sessions-bench-"))
  const postgres = await startPostgresTcp({})
  try {
    const latency = ["--latency", `${LATENCY_MILLIS}ms`]
    const measured = await withUpstream([...latency, "--sessions", String(SESSIONS)], async (upstream) => {
      let sites = 0
      const newSite = () => siteOf({ root, index: sites++, postgres, upstream })
      const plain: Array<Measured> = []
      const fleets = new Map<number, Array<Measured>>([1, 2, 4].map((workers) => [workers, []]))
      for (let round = 0; round < rounds; round++) {
        plain.push(await runPlain(newSite()))
        for (const [workers, found] of fleets) found.push(await runFleet(newSite(), workers))
      }
      return { plain, fleets, takeOver: await takeOver(newSite()) }
    })
    const long = await withUpstream([...latency, "--sessions", String(LONG)], (upstream) =>
      runPlain(siteOf({ root, index: -1, postgres, upstream, accounts: 1 }), ["--page-size", "100"])
    )
    const { fleets, plain, takeOver: taken } = measured
    const of = (workers: number) => fleets.get(workers) ?? []
    const secondsOf = (found: ReadonlyArray<Measured>) => median(found.map(({ seconds }) => seconds))
    const jobMillis = (found: ReadonlyArray<Measured>) => (median(found.map(({ cpu }) => cpu)) / ACCOUNTS) * 1000
    const gain = (workers: number) => median(of(workers).map(({ seconds }, at) => (of(1)[at]?.seconds ?? 0) / seconds))
    const row = (title: string, found: ReadonlyArray<Measured>) => [
      title,
      significant(ACCOUNTS / secondsOf(found)),
      significant(jobMillis(found))
    ]
    return {
      name,
      work,
      tables: [
        {
          columns: ["contestant", "accounts a second", "CPU ms an account"],
          rows: [
            row("`run --accounts`, no database", plain),
            ...[...fleets].map(([workers, found]) => row(`${workers} × \`worker\``, found))
          ]
        }
      ],
      claims: [
        atLeast("throughput of 2 workers ÷ that of 1", 1.8, gain(2)),
        atMost(
          "CPU ms of a job above those of an account of `run --accounts`",
          150,
          jobMillis(of(1)) - jobMillis(plain),
          {
            unit: ""
          }
        ),
        atMost("seconds until another worker has the account of one that was killed", 60, taken, { unit: "" })
      ],
      notes: [
        `4 workers have ${gain(4).toFixed(2)} times the throughput of 1; all share the cores with PostgreSQL and the upstream.`,
        onPaper(long)
      ]
    }
  } finally {
    await postgres.stop()
    rmSync(root, { recursive: true, force: true })
  }
}

/** A night of a large fleet, from the export of one long list. */
const onPaper = ({ cpu, seconds }: Measured): string => {
  const accounts = 1000
  const hours = (accounts * seconds) / 3600
  const workers = Math.ceil(Math.max(hours / 4, (accounts * cpu) / 3600) / 4)
  return (
    `On paper: one export of ${LONG.toLocaleString("en")} sessions, 100 a page and 8 pages in flight, took ${seconds.toFixed(1)} s and ` +
    `${cpu.toFixed(1)} s of CPU. ${accounts.toLocaleString("en")} of them one after another are ${hours.toFixed(1)} hours; at 4 at a time in a worker, ` +
    `and a core for each worker, ${workers === 1 ? "one worker ends" : `${workers} workers end`} within four hours.`
  )
}

const siteOf = ({
  accounts = ACCOUNTS,
  index,
  postgres,
  root,
  upstream
}: {
  readonly root: string
  readonly index: number
  readonly postgres: PostgresTcp
  readonly upstream: { readonly url: string; readonly apiKey: string }
  readonly accounts?: number
}): Site => {
  const directory = mkdtempSync(join(root, "site-"))
  const accountsFile = join(directory, "accounts.toml")
  const schema = `bench_${index < 0 ? "long" : index}`
  writeFileSync(join(directory, "key"), upstream.apiKey)
  const all = Array.from({ length: accounts }, (_, at) => `[accounts.a${at}]`)
  const defaults = ['api_key_file = "key"', `out = "${directory}/out/{account}"`, 'cron = "0 0 1 1 *"']
  writeFileSync(accountsFile, ["[defaults]", ...defaults, ...all].join("\n"))
  return {
    accountsFile,
    env: {
      PATH: process.env["PATH"] ?? "",
      HYPERBROWSER_BASE_URL: upstream.url,
      HB_SESSIONS_EXPORT_DATABASE: postgres.url,
      HB_SESSIONS_EXPORT_DATABASE_SCHEMA: schema
    },
    sql: async (text) => {
      const env = { PATH: process.env["PATH"] ?? "", PGOPTIONS: `-c search_path=${schema}` }
      return (await promisify(execFile)("psql", ["-AtX", "-c", text, postgres.url], { env })).stdout.trim()
    }
  }
}

const launch = ({ accountsFile, env }: Site, args: ReadonlyArray<string>): ChildProcess =>
  spawn(process.execPath, [exportBin, ...args, "--accounts", accountsFile], {
    env,
    stdio: ["ignore", "ignore", "pipe"]
  })

const ownCpu = (child: ChildProcess): number => cpuSeconds(child.pid ?? 0) ?? Number.NaN

/** Prints the CPU time of a process at its end, where it can no longer be asked. */
const script = `process.on("exit", () => { const { user, system } = process.cpuUsage(); process.stderr.write("cpu=" + (user + system)) })`

const REPORT_CPU = `--import=data:text/javascript,${encodeURIComponent(script)}`

const runPlain = async (site: Site, pace: ReadonlyArray<string> = PACE): Promise<Measured> => {
  const started = performance.now()
  const child = launch({ ...site, env: { ...site.env, NODE_OPTIONS: REPORT_CPU } }, ["run", ...pace])
  let log = ""
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (log = (log + text).slice(-2000)))
  const [code] = await once(child, "close")
  if (code !== 0) throw new Error(`run exited with ${String(code)}: ${log}`)
  return { seconds: (performance.now() - started) / 1000, cpu: Number(/cpu=(\d+)/.exec(log)?.[1]) / 1e6 }
}

/** A worker that has said that it is ready. */
const startWorker = async (site: Site): Promise<ChildProcess> => {
  const child = launch(site, ["worker", ...PACE])
  await new Promise<void>((resolve, reject) => {
    let log = ""
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-2000)
      if (log.includes(" is ready: ")) resolve()
    })
    child.once("close", () => reject(new Error(`a worker ended: ${log}`)))
  })
  return child
}

const runFleet = async (site: Site, count: number): Promise<Measured> => {
  const workers: Array<ChildProcess> = []
  await using _stopped = { [Symbol.asyncDispose]: () => stopAll(workers) }
  for (let index = 0; index < count; index++) workers.push(await startWorker(site))
  const before = workers.map(ownCpu)
  const started = performance.now()
  await site.sql("UPDATE fleet_account SET next_due = now()")
  await until(async () => (await site.sql("SELECT count(*) FROM fleet_account WHERE last_success IS NULL")) === "0")
  const seconds = (performance.now() - started) / 1000
  const cpu = workers.reduce((sum, worker, index) => sum + ownCpu(worker) - (before[index] ?? 0), 0)
  return { seconds, cpu }
}

/** Seconds from the death of a worker until another one has begun what it ran. */
const takeOver = async (site: Site): Promise<number> => {
  const workers = [await startWorker(site)]
  await using _stopped = { [Symbol.asyncDispose]: () => stopAll(workers) }
  await site.sql("UPDATE fleet_account SET next_due = now() WHERE account IN ('a0', 'a1')")
  const running = "SELECT count(*) FROM fleet_account WHERE running_since IS NOT NULL"
  await until(async () => (await site.sql(running)) !== "0")
  const dead = await site.sql("SELECT worker FROM fleet_account WHERE running_since IS NOT NULL LIMIT 1")
  workers[0]?.kill("SIGKILL")
  const started = performance.now()
  workers.push(await startWorker(site))
  await until(async () => (await site.sql(`SELECT count(*) FROM fleet_account WHERE worker = '${dead}'`)) === "0")
  return (performance.now() - started) / 1000
}

const stopAll = async (workers: ReadonlyArray<ChildProcess>): Promise<void> => {
  await Promise.all(workers.map((worker) => disposable(worker, "SIGKILL")[Symbol.asyncDispose]()))
}

const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await sleep(100)
}

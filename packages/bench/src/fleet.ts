/**
 * `fleet`: the exports of many accounts by one, two and four workers, and what a job costs more than a run.
 */
import { hasPostgres, type PostgresTcp, startPostgresTcp } from "@hb-sessions/postgres/Postgres"
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { PgBoss } from "pg-boss"
import { REPORT_COST, reportedCost } from "./children.ts"
import { median } from "./Comparison.ts"
import { PLAIN_QUEUE, type PlainJob } from "./plainJobs.ts"
import { atLeast, atMost, type Section, significant, times } from "./Report.ts"
import { cpuSeconds, disposable } from "./servers/processes.ts"
import { withUpstream } from "./upstream.ts"

const accountsOf = (isQuick: boolean) => (isQuick ? 16 : 100)

/** Sessions of each list: 20 pages. */
const SESSIONS = 200

/** Exports at a time, with a page in flight each: the workers wait for the upstream, as they do at night. */
const PACE = ["--parallel", "2", "--concurrency", "1"]

const LATENCY_MILLIS = 20

/** Sessions of the list that the figures on paper start from. */
const LONG = 100_000

const plainWorker = fileURLToPath(new URL("./plainWorker.ts", import.meta.url))

const exportBin = fileURLToPath(import.meta.resolve("@hb-sessions/export/dist/bin.js"))

/** A place for one measurement: accounts, a schema, directories. */
interface Site {
  readonly directory: string
  readonly accountsFile: string
  readonly schema: string
  readonly databaseUrl: string
  readonly env: Readonly<Record<string, string>>
  readonly sql: (text: string) => Promise<string>
}

interface Measured {
  readonly seconds: number
  /** CPU seconds of all workers. */
  readonly cpu: number
}

export const fleet = async (rounds: number, isQuick: boolean): Promise<Section> => {
  const name = "fleet"
  const accounts = accountsOf(isQuick)
  const work = `Export ${accounts} accounts of ${SESSIONS} sessions each, from an upstream that takes ${LATENCY_MILLIS} ms for each of 20 pages; two accounts at a time in each worker, one page in flight each.`
  if (!hasPostgres) return { name, work, tables: [], claims: [], notes: ["Not run: there is no PostgreSQL here."] }
  const root = mkdtempSync(join(tmpdir(), "hb-sessions-bench-"))
  const postgres = await startPostgresTcp({})
  try {
    const latency = ["--latency", `${LATENCY_MILLIS}ms`]
    const measured = await withUpstream([...latency, "--sessions", String(SESSIONS)], async (upstream) => {
      let sites = 0
      const newSite = () => siteOf({ root, index: sites++, postgres, upstream, accounts })
      const plain: Array<Measured> = []
      const jobs: Array<Measured> = []
      const fleets = new Map<number, Array<Measured>>((isQuick ? [1, 2] : [1, 2, 4]).map((workers) => [workers, []]))
      for (let round = 0; round < rounds; round++) {
        plain.push(await runPlain(newSite()))
        jobs.push(await runPlainJobs(newSite(), accounts))
        for (const [workers, found] of fleets) found.push(await runFleet(newSite(), workers))
      }
      return { plain, jobs, fleets, takeOver: isQuick ? undefined : await takeOver(newSite()) }
    })
    const long = await withUpstream([...latency, "--sessions", String(LONG)], (upstream) =>
      runPlain(siteOf({ root, index: -1, postgres, upstream, accounts: 1 }), ["--page-size", "100"])
    )
    const most = isQuick ? 2 : 4
    const { fleets, jobs, plain, takeOver: taken } = measured
    const of = (workers: number) => fleets.get(workers) ?? []
    const secondsOf = (found: ReadonlyArray<Measured>) => median(found.map(({ seconds }) => seconds))
    const jobMillis = (found: ReadonlyArray<Measured>) => (median(found.map(({ cpu }) => cpu)) / accounts) * 1000
    const throughputs = (ours: ReadonlyArray<Measured>, theirs: ReadonlyArray<Measured>) =>
      median(ours.map(({ seconds }, at) => (theirs[at]?.seconds ?? Number.NaN) / seconds))
    const gain = (workers: number) => throughputs(of(workers), of(1))
    const row = (title: string, found: ReadonlyArray<Measured>) => [
      title,
      significant(accounts / secondsOf(found)),
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
            row("1 worker on plain pg-boss, a loop by hand", jobs),
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
        ...(taken === undefined
          ? []
          : [atMost("seconds until another worker has the account of one that was killed", 60, taken, { unit: "" })])
      ],
      notes: [
        `On plain pg-boss, a job exports by the loop of \`export\`: without a proof, a state of each account or a lease, and to a file that is half written when it is stopped. 1 \`worker\` has ${times(throughputs(of(1), jobs))} of its throughput, for ${times(jobMillis(of(1)) / jobMillis(jobs))} of its CPU time.`,
        `${most} workers have ${gain(most).toFixed(2)} times the throughput of 1; all share the cores with PostgreSQL and the upstream.`,
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
  accounts,
  index,
  postgres,
  root,
  upstream
}: {
  readonly root: string
  readonly index: number
  readonly postgres: PostgresTcp
  readonly upstream: { readonly url: string; readonly apiKey: string }
  readonly accounts: number
}): Site => {
  const directory = mkdtempSync(join(root, "site-"))
  const accountsFile = join(directory, "accounts.toml")
  const schema = `bench_${index < 0 ? "long" : index}`
  writeFileSync(join(directory, "key"), upstream.apiKey)
  const all = Array.from({ length: accounts }, (_, at) => `[accounts.a${at}]`)
  const defaults = ['api_key_file = "key"', `out = "${directory}/out/{account}"`, 'cron = "0 0 1 1 *"']
  writeFileSync(accountsFile, ["[defaults]", ...defaults, ...all].join("\n"))
  return {
    directory,
    accountsFile,
    schema,
    databaseUrl: postgres.url,
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

const runPlain = async (site: Site, pace: ReadonlyArray<string> = PACE): Promise<Measured> => {
  const started = performance.now()
  const child = launch({ ...site, env: { ...site.env, NODE_OPTIONS: REPORT_COST } }, ["run", ...pace])
  let log = ""
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (log = (log + text).slice(-2000)))
  const [code] = await once(child, "close")
  if (code !== 0) throw new Error(`run exited with ${String(code)}: ${log}`)
  return { seconds: (performance.now() - started) / 1000, cpu: reportedCost(log).cpu / 1000 }
}

/** A worker that has said that it is ready. */
const startWorker = async (site: Site): Promise<ChildProcess> => ready(launch(site, ["worker", ...PACE]))

const ready = async (child: ChildProcess): Promise<ChildProcess> => {
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

/** Jobs that are sent at once, and one worker that knows only them. */
const runPlainJobs = async (site: Site, accounts: number): Promise<Measured> => {
  const env = {
    ...site.env,
    DATABASE: site.databaseUrl,
    SCHEMA: site.schema,
    DIRECTORY: site.directory,
    HYPERBROWSER_API_KEY: readFileSync(join(site.directory, "key"), "utf8")
  }
  const worker = await ready(spawn(process.execPath, [plainWorker], { env, stdio: ["ignore", "ignore", "pipe"] }))
  await using _stopped = disposable(worker, "SIGKILL")
  const boss = new PgBoss({
    connectionString: site.databaseUrl,
    schema: site.schema,
    supervise: false,
    schedule: false
  })
  await boss.start()
  try {
    const before = ownCpu(worker)
    const started = performance.now()
    const jobs = Array.from({ length: accounts }, (_, at): { readonly data: PlainJob } => ({
      data: { account: `a${at}` }
    }))
    await boss.insert(PLAIN_QUEUE, jobs)
    const open = `SELECT count(*) FROM job WHERE state <> 'completed'`
    await until(async () => (await site.sql(open)) === "0")
    return { seconds: (performance.now() - started) / 1000, cpu: ownCpu(worker) - before }
  } finally {
    await boss.stop({ graceful: false })
  }
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

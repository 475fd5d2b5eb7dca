/**
 * What a worker tells Prometheus, the probes of Kubernetes and a collector of traces.
 */
import { hasPostgres } from "@hb-sessions/postgres/Postgres"
import { once } from "node:events"
import { createServer } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type Fleet, isReady, startFleet, until, type WorkerProcess } from "./fleet.ts"

let fleet: Fleet
beforeAll(async () => {
  if (hasPostgres) fleet = await startFleet({ sessions: 30 })
}, 60_000)
afterAll(() => fleet?.stop())

const urlOf = async ({ log }: WorkerProcess): Promise<string> => {
  const found = () => /listening on (\S+):/.exec(log())?.[1]
  await until(() => found() !== undefined && log().includes(" is ready: "))
  return found() ?? ""
}

/** The series of Prometheus' text format, by name and labels; each metric has its help and its type once, and first. */
const seriesOf = (text: string): ReadonlyMap<string, number> => {
  const series = new Map<string, number>()
  let family = ""
  const families = new Set<string>()
  for (const line of text.trimEnd().split("\n")) {
    const help = /^# HELP ([a-z_]+) \S.*\.$/.exec(line)?.[1]
    if (help !== undefined) {
      assert.isFalse(families.has(help), line)
      families.add((family = help))
      continue
    }
    if (line.startsWith("#")) {
      assert.match(line, new RegExp(`^# TYPE ${family} (?:gauge|counter)$`))
      continue
    }
    const [, name = "", labels = "", value = ""] =
      /^([a-z_]+)((?:\{[a-z_]+="[^"\\\n]*"(?:,[a-z_]+="[^"\\\n]*")*\})?) (-?[\d.e+]+)$/.exec(line) ?? []
    assert.strictEqual(name, family, line)
    assert.isFalse(series.has(name + labels), line)
    series.set(name + labels, Number(value))
  }
  return series
}

describe.skipIf(!hasPostgres)("the port of a worker (PostgreSQL is not installed where this is skipped)", () => {
  it("has probes and numbers, also while the database is away", async () => {
    fleet.writeAccounts({ "team-a": 'cron = "0 0 1 1 *"', "team-b": 'api_key_file = "none"' })
    const worker = await fleet.start("one", ["--metrics-port", "0", "--parallel", "3"])
    const url = await urlOf(worker)
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
    const ask = async (path: string, init: RequestInit = {}) => {
      const response = await fetch(url + path, init)
      return { status: response.status, type: response.headers.get("content-type"), text: await response.text() }
    }
    const metrics = async () => seriesOf((await ask("/metrics")).text)
    await until(async () => (await ask("/readyz")).status === 200)
    assert.strictEqual((await ask("/healthz")).status, 200)
    assert.strictEqual((await ask("/elsewhere")).status, 404)
    assert.strictEqual((await ask("/metrics", { method: "POST" })).status, 405)
    assert.deepStrictEqual((await ask("/metrics", { method: "HEAD" })).text, "")
    assert.match((await ask("/metrics")).type ?? "", /^text\/plain; version=0\.0\.4/)

    const before = await metrics()
    assert.strictEqual(before.get("hb_sessions_export_worker_parallel"), 3)
    assert.strictEqual(before.get('hb_sessions_export_last_success_timestamp_seconds{export="team-a"}'), 0)
    await fleet.sql("UPDATE fleet_account SET next_due = now() WHERE cron IS NOT NULL")
    await until(async () => (await metrics()).get('hb_sessions_export_sessions{export="team-a"}') === 30)
    const after = await metrics()
    const expected = {
      'hb_sessions_export_worker_runs_total{exit_code="0"}': 1,
      hb_sessions_export_worker_run_duration_seconds_count: 1,
      hb_sessions_export_worker_running: 0,
      hb_sessions_export_worker_database_up: 1,
      'hb_sessions_export_last_run_exit_code{export="team-a"}': 0,
      'hb_sessions_export_proven{export="team-a"}': 1,
      'hb_sessions_export_generation{export="team-a"}': 1,
      'hb_sessions_export_failed{export="team-a"}': 0,
      'hb_sessions_export_running{export="team-a"}': 0
    }
    assert.deepInclude(Object.fromEntries(after), expected)
    assert.isAbove(after.get('hb_sessions_export_next_run_timestamp_seconds{export="team-a"}') ?? 0, Date.now() / 1000)
    // Without a schedule, it never ran.
    assert.isFalse(after.has('hb_sessions_export_next_run_timestamp_seconds{export="team-b"}'))
    // Of an account that is in no file, nothing is told.
    assert.isFalse([...after.keys()].some((key) => /export="(?!team-[ab]")/.test(key)))

    await fleet.postgres.shutDown()
    await until(async () => (await ask("/readyz")).status === 503)
    assert.strictEqual((await ask("/healthz")).status, 200)
    // The accounts' numbers are asked for anew after 5 seconds.
    await sleep(5100)
    const away = await metrics()
    assert.strictEqual(away.get("hb_sessions_export_worker_database_up"), 0)
    assert.strictEqual(away.get('hb_sessions_export_sessions{export="team-a"}'), 30)
    await fleet.postgres.startAgain()
    await until(async () => (await ask("/readyz")).status === 200)

    // A client that says nothing does not hold up the end.
    const { hostname, port } = new URL(url)
    const silent = connect(Number(port), hostname)
    silent.on("error", () => {})
    await once(silent, "connect")
    const second = await fleet.start("two", ["--metrics-port", port])
    assert.strictEqual(await second.ended, 2)
    assert.match(
      second.log(),
      /cannot listen on --metrics-port \d+ of 127\.0\.0\.1: another program uses it; [^\n]*\n$/
    )
    worker.child.kill("SIGTERM")
    assert.strictEqual(await worker.ended, 143)
    silent.destroy()
    for (const { log } of [worker, second]) assert.notInclude(log(), fleet.postgres.password)
  })

  it("has a trace of each run, where a collector is named, without a secret", async () => {
    const bodies: Array<string> = []
    const collector = createServer((request, response) => {
      let body = ""
      request.setEncoding("utf8").on("data", (piece: string) => (body += piece))
      request.on("end", () => {
        bodies.push(`${request.url} ${body}`)
        response.end("{}")
      })
    })
    await once(collector.listen(0, "127.0.0.1"), "listening")
    fleet.writeAccounts({ "team-a": 'cron = "0 0 1 1 *"' })
    const worker = await fleet.start("traced", [], {
      OTEL_TRACES_EXPORTER: "otlp",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
    })
    await isReady(worker)
    await fleet.sql("UPDATE fleet_account SET next_due = now()")
    await until(() => worker.log().includes("exported 30 sessions"))
    worker.child.kill("SIGTERM")
    assert.strictEqual(await worker.ended, 143)
    collector.close()
    const spans = bodies.flatMap((body) => [...body.matchAll(/"name":"export"[^]*?"stringValue":"([^"]*)"/g)])
    assert.deepStrictEqual(
      spans.map(([, account]) => account),
      ["team-a"]
    )
    assert.isTrue(bodies.every((body) => body.startsWith("/v1/traces ")))
    for (const body of bodies) {
      assert.notInclude(body, fleet.simulator.apiKey)
      assert.notInclude(body, fleet.postgres.password)
    }
  })
})

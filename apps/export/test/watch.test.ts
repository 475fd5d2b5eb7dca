/**
 * Seen from outside: metrics, heartbeat, the log, the settings file, time limits, and a schedule that is told to stop.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { once } from "node:events"
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { environment, hasCheckpoint, launch, manifestOf, run, runHere, scratch, until } from "./support.ts"

/** A server that notes what it is asked for. */
const listener = Effect.acquireRelease(
  Effect.promise(async () => {
    const heard: Array<string> = []
    const server = createServer((request, response) => {
      heard.push(`${request.method} ${request.url}`)
      response.end()
    }).listen(0, "127.0.0.1")
    await once(server, "listening")
    return { heard, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/ping/` }
  }),
  ({ server }) =>
    Effect.sync(() => {
      server.close()
      server.closeAllConnections()
    })
)

/** A server that hears and never answers. */
const silent = Effect.acquireRelease(
  Effect.promise(async () => {
    const heard: Array<string> = []
    const server = createServer(({ url = "" }) => heard.push(url)).listen(0, "127.0.0.1")
    await once(server, "listening")
    return { heard, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/ping` }
  }),
  ({ server }) =>
    Effect.sync(() => {
      server.close()
      server.closeAllConnections()
    })
)

/** Reads files as node_exporter's textfile collector does: all at once, each series only once, one HELP a name. */
const collected = (files: ReadonlyArray<string>) => {
  const help = new Map<string, Set<string>>()
  const series = new Map<string, number>()
  for (const line of files.flatMap((file) => readFileSync(file, "utf8").trimEnd().split("\n"))) {
    const [, name, text] = /^# HELP (\S+) (.*)$/.exec(line) ?? []
    if (name !== undefined && text !== undefined) help.set(name, (help.get(name) ?? new Set()).add(text))
    if (line.startsWith("#")) continue
    const [, key = "", value] = /^(.*) (\S+)$/.exec(line) ?? []
    assert.isFalse(series.has(key), `${key} is there twice`)
    series.set(key, Number(value))
  }
  return { help, series }
}

const metric = (text: string, name: string): number =>
  Number(new RegExp(`^hb_sessions_export_${name}\\{[^}]*\\} (\\S+)$`, "m").exec(text)?.[1])

describe.concurrent("a monitored run", () => {
  it.live("reports its start, success and failure", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const env = environment(simulator)
      const { heard, url } = yield* listener
      const root = yield* scratch
      const file = join(root, "export.prom")
      const args = ["run", "--out", join(root, "out"), "--heartbeat-url", url, "--metrics-file", file]
      assert.strictEqual((yield* run(env, ...args)).code, 0)
      const success = readFileSync(file, "utf8")
      yield* simulator.setFaults({ rates: { "500": 1 } })
      assert.strictEqual((yield* run(env, ...args)).code, 4)
      const failure = readFileSync(file, "utf8")
      assert.deepStrictEqual(heard, ["POST /ping/start", "POST /ping", "POST /ping/start", "POST /ping/4"])
      // What another setting fails is told too.
      assert.strictEqual((yield* run({ ...env, HB_SESSIONS_EXPORT_KEEP: "1" }, ...args)).code, 2)
      assert.strictEqual(heard.at(-1), "POST /ping/2")
      assert.deepStrictEqual([metric(success, "last_run_exit_code"), metric(failure, "last_run_exit_code")], [0, 4])
      assert.strictEqual(metric(success, "sessions"), 30)
      const last = "last_success_timestamp_seconds"
      assert.strictEqual(metric(failure, last), metric(success, last))
      assert.match(success, /^# TYPE hb_sessions_export_proven gauge\nhb_sessions_export_proven\{export="[^"]+"\} 1$/m)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 30 })), Effect.scoped)
  )

  it.live("does not fail because the heartbeat URL is unreachable", () =>
    Effect.gen(function* () {
      const env = environment(yield* Simulator)
      const out = yield* scratch
      const args = ["--heartbeat-url", "http://user:canary-password@127.0.0.1:9/canary-path?key=canary-key"]
      const { code, stderr } = yield* run(env, "run", "--out", out, ...args, "--log-format", "json")
      assert.strictEqual(code, 0)
      const messages = stderr.trimEnd().split("\n")
      assert.isAtLeast(messages.length, 1)
      for (const line of messages) assert.strictEqual(JSON.parse(line).level, "WARN")
      assert.include(stderr, "the heartbeat URL is unreachable: ECONNREFUSED")
      // All who know such a URL can stop it from warning.
      assert.notInclude(stderr, "canary")
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )

  for (const [when, ending] of [
    ["at the start", undefined],
    ["at the end", "SIGTERM"]
  ] as const) {
    it.live(
      `is not held up by a heartbeat URL that never responds ${when}`,
      () =>
        Effect.gen(function* () {
          const simulator = yield* Simulator
          const { heard, url } = yield* silent
          const out = join(yield* scratch, "out")
          if (ending !== undefined) yield* simulator.setFaults({ script: [{ fault: "hang", page: 2 }] })
          const { child, ended } = launch(environment(simulator), ["run", "--out", out, "--heartbeat-url", url])
          if (ending !== undefined) {
            yield* Effect.promise(() => until(() => heard.length > 0))
            const isHanging = Effect.map(simulator.stats, ({ faults }) => (faults["hang"] ?? 0) > 0)
            yield* Effect.repeat(Effect.delay(isHanging, "20 millis"), { until: (isSo) => isSo })
            child.kill(ending)
          }
          assert.strictEqual(yield* Effect.promise(() => ended), ending === undefined ? 0 : 143)
          assert.deepStrictEqual([...new Set(heard)], ["/ping/start", ending === undefined ? "/ping" : "/ping/143"])
        }).pipe(Effect.provide(Simulator.layer({ sessions: 30 })), Effect.scoped),
      // Less than a scheduler's grace, and than three tries of ten seconds.
      25_000
    )
  }

  it.live("labels its metrics, so that one collector can distinguish two exports of a host", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const env = environment(simulator)
      const root = yield* scratch
      const files = [join(root, "a.prom"), join(root, "b.prom")]
      yield* simulator.setFaults({ rates: { "500": 1 } })
      const first = yield* run(env, "run", "--out", join(root, "a"), "--metrics-file", files[0] ?? "")
      yield* simulator.setFaults({})
      const more = ["--name", 'team "b"\\c', "--metrics-file", files[1] ?? ""]
      const second = yield* run(env, "run", "--out", join(root, "b"), ...more)
      assert.deepStrictEqual([first.code, second.code], [4, 0])
      const { help, series } = collected(files)
      for (const texts of help.values()) assert.strictEqual(texts.size, 1)
      const success = "hb_sessions_export_last_success_timestamp_seconds"
      assert.strictEqual(series.get(`${success}{export="${join(root, "a")}"}`), 0)
      assert.isAbove(series.get(`${success}{export="team \\"b\\"\\\\c"}`) ?? 0, 0)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )

  it.live("writes every line of the log as JSON, including the last, wherever that was set", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.setFaults({ rates: { "500": 1 } })
      const env = environment(simulator)
      const root = yield* scratch
      const config = join(root, "export.toml")
      writeFileSync(config, `log_format = "json"\n`)
      const ways = [
        [{}, ["--log-format", "json"]],
        [{ HB_SESSIONS_EXPORT_LOG_FORMAT: "json" }, []],
        [{}, ["--config", config]],
        [{}, ["--log-format=json", "--no-such-flag"]],
        [{}, ["--log-format", "json", "--since", "soon"]]
      ] as const
      for (const [more, args] of ways) {
        const { code, stderr } = yield* run({ ...env, ...more }, "run", "--out", join(root, "out"), ...args)
        assert.notStrictEqual(code, 0)
        const said = stderr.trimEnd().split("\n")
        for (const line of said) assert.isString(JSON.parse(line).message)
        assert.strictEqual(JSON.parse(said.at(-1) ?? "").level, "ERROR")
      }
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )

  it.live("rejects a metrics file that cannot be written, before the first request", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const root = yield* scratch
      const metrics = ["--metrics-file", join(root, "no", "such", "place")]
      for (const args of [["run"], ["run", "--dry-run"], ["schedule", "--cron", "0 2 * * *"]]) {
        const { code, stderr } = yield* run(environment(simulator), ...args, "--out", join(root, "out"), ...metrics)
        assert.strictEqual(code, 2)
        assert.include(stderr, "does not exist; make it first")
      }
      assert.deepStrictEqual([(yield* simulator.stats).requests, readdirSync(root)], [0, []])
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )

  it.live(
    "stops after --max-runtime with exit code 143, and is resumed",
    () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const env = environment(simulator)
        const out = join(yield* scratch, "out")
        yield* simulator.setFaults({ script: [{ fault: "hang", page: 4 }] })
        const { code, stderr } = yield* run(env, "run", "--out", out, "--max-runtime", "2 seconds")
        assert.strictEqual(code, 143)
        assert.include(stderr, "--max-runtime")
        assert.isTrue(hasCheckpoint(out))
        yield* simulator.setFaults({})
        assert.strictEqual((yield* run(env, "run", "--out", out)).code, 0)
        assert.strictEqual(manifestOf(out).resumed, 1)
      }).pipe(Effect.provide(Simulator.layer({ sessions: 100 })), Effect.scoped),
    30_000
  )

  it.live(
    "finishes, proven, whatever --max-runtime: each run keeps at least a page",
    () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const out = join(yield* scratch, "out")
        const args = ["run", "--out", out, "--max-runtime", "1 millis", "--concurrency", "1"]
        let runs = 0
        for (let code: number | null = 143; code === 143; runs++) {
          assert.isBelow(runs, 20)
          code = (yield* run(environment(simulator), ...args)).code
          assert.include([0, 143], code)
        }
        const { completeness, resumed } = manifestOf(out)
        assert.deepStrictEqual([completeness, resumed], ["proven", runs - 1])
        assert.isAbove(runs, 4)
        // Five pages, page 1 and the last once more to prove it, and what was repeated of that.
        assert.isAtMost((yield* simulator.stats).requests, 9)
      }).pipe(Effect.provide(Simulator.layer({ sessions: 50 })), Effect.scoped),
    60_000
  )
})

describe("settings", () => {
  it.live("come from flags, then the environment, then the file", () =>
    Effect.gen(function* () {
      const env = environment(yield* Simulator)
      const root = yield* scratch
      const config = join(root, "export.toml")
      writeFileSync(config, `out = "${join(root, "out")}"\nformat = "ndjson"\ncompress = "gzip"\npage_size = 20\n`)
      const { code, stderr } = yield* run(
        { ...env, HB_SESSIONS_EXPORT_COMPRESS: "zstd", HB_SESSIONS_EXPORT_KEEP: "2" },
        "run",
        "--config",
        config,
        "--format",
        "csv"
      )
      assert.strictEqual(code, 0, stderr)
      const { report, selection } = manifestOf(join(root, "out"))
      assert.deepStrictEqual([selection.format, selection.compress, report.pageSize], ["csv", "zstd", 20])
    }).pipe(Effect.provide(Simulator.layer({ sessions: 50 })), Effect.scoped)
  )

  const mistakes: ReadonlyArray<readonly [ReadonlyArray<string>, string]> = [
    [["--tz", "Mars/Olympus"], "not a time zone"],
    [["--since", "someday"], "not a time"],
    [["--since", "1d", "--until", "2d"], "--since must be before --until"],
    [["--format", "ndjson", "--dialect", "spreadsheet"], "--dialect"],
    [["--keep", "0"], "--keep:"],
    [["--status", ""], "--status is empty"],
    [["--status", " , "], "--status lists no status"],
    [["--max-runtime", "1.5ms"], "--max-runtime:"],
    [["--max-runtime", "0"], "--max-runtime:"],
    [["--max-runtime", "999999999d"], "--max-runtime:"],
    [["--look-back=-1h"], "--look-back:"],
    [["--resume-within", "NaN"], "--resume-within:"],
    [["--config", "/no/such/file"], "/no/such/file"]
  ]
  for (const [args, message] of mistakes) {
    it.live(`fail with exit code 2 before anything is read if invalid: ${args.join(" ")}`, () =>
      Effect.gen(function* () {
        const out = join(yield* scratch, "out")
        const { code, stderr } = yield* runHere({ HYPERBROWSER_API_KEY: "key" }, "run", "--out", out, ...args)
        assert.strictEqual(code, 2)
        assert.include(stderr, message)
        assert.lengthOf(stderr.trimEnd().split("\n"), 1)
        assert.isFalse(existsSync(out))
      }).pipe(Effect.scoped)
    )
  }

  it.live("reject a path that cannot be a directory with exit code 2, before the first request", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const root = yield* scratch
      writeFileSync(join(root, "file"), "")
      symlinkSync(join(root, "file"), join(root, "link"))
      symlinkSync(join(root, "nowhere"), join(root, "dangling"))
      symlinkSync(join(root, "circle"), join(root, "circle"))
      for (const [out, problem] of [
        [join(root, "file"), "it is not a directory"],
        [join(root, "link"), "it is not a directory"],
        [join(root, "file", "below"), "a part of the path is a file"],
        [join(root, "dangling"), "which does not exist"],
        [join(root, "dangling", "below"), "which does not exist"],
        [join(root, "circle"), "circle"],
        [join(root, "x".repeat(300)), "too long"],
        [join(root, "x/".repeat(3000)), "too long"],
        ["gs://bucket/prefix", "not gs://…"]
      ] as const) {
        for (const more of [[], ["--dry-run"]]) {
          const { code, stderr } = yield* runHere(environment(simulator), "run", "--out", out, ...more)
          assert.strictEqual(code, 2, stderr)
          assert.include(stderr, problem)
          assert.isBelow(stderr.length, 500)
        }
      }
      assert.deepStrictEqual(readdirSync(root).toSorted(), ["circle", "dangling", "file", "link"])
      assert.strictEqual((yield* simulator.stats).requests, 0)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )

  it.live("every flag is also an environment variable and a key of the file", () =>
    Effect.gen(function* () {
      const { stdout } = yield* runHere({ NO_COLOR: "1" }, "schedule", "--help")
      const [, ofCommand = ""] = /\nFLAGS\n([\s\S]*?)\n\n/.exec(stdout) ?? []
      const flags = [...ofCommand.matchAll(/^ +--([\w-]+)/gm)].map(([, flag = ""]) => flag)
      assert.isAbove(flags.length, 25)
      const config = join(yield* scratch, "export.toml")
      writeFileSync(config, "no_such_setting = 1\n")
      const { stderr: settings } = yield* runHere({}, "schedule", "--config", config)
      // What says where settings are is no setting itself.
      const outer = new Set(["config", "accounts", "only", "parallel"])
      for (const flag of flags.filter((name) => !outer.has(name))) {
        assert.match(settings, new RegExp(`[ ,]${flag.replaceAll("-", "_")}[,;]`))
      }
      const wanted = { HYPERBROWSER_API_KEY: "key", HB_SESSIONS_EXPORT_OUT: "/nowhere/at/all" }
      for (const flag of [
        "mode",
        "full-refresh",
        "keep",
        "look-back",
        "strict",
        "log-format",
        "max-runtime",
        "jitter"
      ]) {
        const variable = `HB_SESSIONS_EXPORT_${flag.toUpperCase().replaceAll("-", "_")}`
        const env = {
          ...wanted,
          HB_SESSIONS_EXPORT_CRON: "0 2 * * *",
          [variable]: "nonsense",
          HB_SESSIONS_RETRIES: "0"
        }
        const { code, stderr } = yield* runHere(env, flag === "jitter" ? "schedule" : "run")
        assert.deepStrictEqual([code, stderr.includes(variable)], [2, true], stderr)
      }
    }).pipe(Effect.scoped)
  )

  it.live("warn of a status that the API does not document", () =>
    Effect.gen(function* () {
      const env = environment(yield* Simulator)
      const { code, stderr } = yield* runHere(env, "run", "--out", join(yield* scratch, "out"), "--status", "closd")
      assert.strictEqual(code, 0)
      assert.include(stderr, "closd")
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )

  it.live("--dry-run and inspect write nothing", () =>
    Effect.gen(function* () {
      const env = environment(yield* Simulator)
      const out = join(yield* scratch, "out")
      const rehearsal = yield* run(env, "run", "--out", out, "--dry-run")
      assert.strictEqual(rehearsal.code, 0)
      assert.include(rehearsal.stdout, "its list has 50 sessions")
      const inspection = yield* run({}, "inspect", "--out", out)
      assert.include(inspection.stdout, "nothing is published")
      assert.isFalse(existsSync(out))
      yield* run(env, "run", "--out", out, "--mode", "incremental")
      const { stdout } = yield* run(env, "inspect", "--out", out, "--mode", "incremental")
      assert.include(stdout, "generation 1 is published")
      assert.match(stdout, /the next run would read back to 2025-12-\S+ for generation 2/)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 50 })), Effect.scoped)
  )
})

describe.concurrent("schedule", () => {
  it.live(
    "runs, survives a failed run, and stops on SIGTERM with a checkpoint and exit code 143",
    () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const out = join(yield* scratch, "out")
        yield* simulator.setFaults({ script: [{ fault: "500", page: 2, nth: 1 }] })
        const args = ["schedule", "--cron", "* * * * * *", "--out", out, "--checkpoint-every", "0 millis"]
        const { child, ended } = launch(environment(simulator), args)
        yield* Effect.promise(() =>
          until(() => existsSync(join(out, "manifest.json")) && manifestOf(out).generation > 1)
        )
        yield* simulator.setFaults({ script: [{ fault: "hang", page: 5 }] })
        const isHanging = Effect.map(simulator.stats, ({ faults }) => (faults["hang"] ?? 0) > 0 && hasCheckpoint(out))
        yield* Effect.repeat(Effect.delay(isHanging, "20 millis"), { until: (isSo) => isSo })
        child.kill("SIGTERM")
        assert.strictEqual(yield* Effect.promise(() => ended), 143)
        assert.isTrue(hasCheckpoint(out))
      }).pipe(Effect.provide(Simulator.layer({ sessions: 100 })), Effect.scoped),
    30_000
  )

  for (const [expression, message] of [
    ["nightly", "not a cron expression"],
    ["0 0 31 2 *", "never matches"]
  ] as const) {
    it.live(`rejects ${expression}`, () =>
      Effect.gen(function* () {
        const out = join(yield* scratch, "out")
        const { code, stderr } = yield* run(
          { HYPERBROWSER_API_KEY: "key" },
          "schedule",
          "--out",
          out,
          "--cron",
          expression
        )
        assert.strictEqual(code, 2)
        assert.include(stderr, message)
      }).pipe(Effect.scoped)
    )
  }
})

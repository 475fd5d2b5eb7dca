/**
 * `hb-sessions-simulator` as a process.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { defaultApiKey } from "../src/Simulator.ts"
import { get } from "./rawRequest.ts"

const bin = fileURLToPath(new URL("../src/bin.ts", import.meta.url))

/** Node keeps what it has compiled, as the program is started again and again. */
const env = {
  ...process.env,
  NODE_COMPILE_CACHE: fileURLToPath(new URL("../node_modules/.cache/compiled", import.meta.url))
}

const start = (...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, [bin, ...args], { env, stdio: ["ignore", "pipe", "pipe"] })),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const firstLine = (child: ChildProcess) =>
  Effect.promise(async () => {
    const [line] = await once(createInterface(child.stdout!), "line")
    return JSON.parse(line)
  })

/** Runs it to its end. */
const run = (...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const child = yield* start(...args)
    let [stdout, stderr] = ["", ""]
    child.stdout!.on("data", (data) => (stdout += String(data)))
    child.stderr!.on("data", (data) => (stderr += String(data)))
    const [code]: Array<unknown> = yield* Effect.promise(() => once(child, "close"))
    return { code, stderr, stdout }
  }).pipe(Effect.scoped)

describe("hb-sessions-simulator", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it.live(`prints where it listens as JSON, serves, and ends with 0 after ${signal}`, () =>
      Effect.gen(function* () {
        const child = yield* start("--port", "0", "--sessions", "12", "--seed", "bin", "--fault", "page=2 hang")
        const { seed, sessions, url } = yield* firstLine(child)
        assert.deepStrictEqual({ seed, sessions }, { seed: "bin", sessions: 12 })
        const { status, text } = yield* get(`${url}/api/sessions?limit=5`, defaultApiKey)
        assert.strictEqual(status, 200)
        assert.lengthOf(JSON.parse(text).sessions, 5)
        yield* Effect.forkChild(get(`${url}/api/sessions?page=2`, defaultApiKey))
        yield* Effect.sleep("50 millis")
        const closed = once(child, "close")
        child.kill(signal)
        assert.deepStrictEqual(yield* Effect.promise(() => closed), [0, null])
      }).pipe(Effect.scoped)
    )
  }

  it.live("takes every flag", () =>
    Effect.gen(function* () {
      const child = yield* start(
        ...["--port", "0", "--host", "127.0.0.1", "--api-key", "k", "--stats", "--seed", "flags", "--sessions", "300"],
        ...["--days", "30", "--teams", "1", "--active-share", "0.5", "--error-share", "0.1", "--order", "updated-desc"],
        ...["--close-error-share", "0.5", "--page-size", "7", "--max-limit", "50", "--page-size-field", "perPage"],
        ...["--timestamps", "number", "--past-end", "clamp", "--total-read", "before", "--extra-fields"],
        ...["--latency", "1ms..2ms", "--churn", "start=1,purge=1", "--faults", "429=1", "--retry-after", "9s"],
        ...["--fault", "nth=1 slow", "--fault", "nth=2 500", "--slow-body", "10ms"]
      )
      const { url } = yield* firstLine(child)
      const first = yield* get(`${url}/api/sessions?page=1000&status=close-error`, "k")
      const page = JSON.parse(first.text)
      assert.strictEqual(page.perPage, 7)
      assert.isBelow(page.page, 1000)
      for (const session of page.sessions) {
        assert.strictEqual(session.status, "close-error")
        assert.property(session, "sessionUrl")
        if (session.startTime !== null) assert.isNumber(session.startTime)
      }
      assert.strictEqual((yield* get(`${url}/api/sessions`, "k")).status, 500)
      const third = yield* get(`${url}/api/sessions`, "k")
      assert.deepStrictEqual([third.status, third.headers["retry-after"]], [429, "9"])
      const stats = JSON.parse((yield* get(`${url}/__stats`)).text)
      assert.deepStrictEqual(stats.mutations, { started: 3, ended: 0, purged: 3, updated: 0 })
    }).pipe(Effect.scoped)
  )

  it.live("describes every flag with its default", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* run("--help")
      assert.deepStrictEqual([code, stderr], [0, ""])
      const flags = stdout.slice(stdout.indexOf("\nFLAGS"), stdout.indexOf("GLOBAL FLAGS")).match(/^ {2}--.*$/gm) ?? []
      assert.lengthOf(flags, 28)
      for (const line of flags) assert.match(line, /\S {2,}\S.*\(default /)
    })
  )

  const wrong: ReadonlyArray<readonly [args: ReadonlyArray<string>, message: RegExp]> = [
    [["--sessions", "many"], /--sessions: "many" does not fit; give a whole number from 0 to \d+$/],
    [["--active-share", "2"], /--active-share: "2" does not fit; give a number from 0 to 1$/],
    [["--latency", "fast"], /--latency: "fast" is not a time; use a number with ms, s, m or h, for example 20ms$/],
    [["--fault", "page=7"], /--fault: no fault is named; end with one of .+, as in "page=7 nth=3 reset"$/],
    [["--order", "up"], /--order: "up"\. Expected: .*"created-asc".*; try --help$/],
    [["--pagesize", "3"], /there is no flag --pagesize; try --page-size$/],
    [["extra"], /"extra"; try --help$/]
  ]
  for (const [args, message] of wrong) {
    it.live(`rejects ${args.join(" ")} with one line and exit code 2`, () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* run(...args)
        assert.deepStrictEqual([code, stdout], [2, ""])
        assert.match(stderr, /^hb-sessions-simulator: [^\n]+\n$/)
        assert.match(stderr.trimEnd(), message)
      })
    )
  }

  it.live("names an address that is taken, and ends with 1", () =>
    Effect.gen(function* () {
      const { url } = yield* firstLine(yield* start("--port", "0"))
      const { code, stderr } = yield* run("--port", new URL(url).port)
      assert.strictEqual(code, 1)
      assert.match(stderr, /^hb-sessions-simulator: cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\); [^\n]+\n$/)
    }).pipe(Effect.scoped)
  )
})

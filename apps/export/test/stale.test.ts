/**
 * Exports without a success for too long, and how people learn of it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Clock, Duration, Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Staleness from "../src/operations/Staleness.ts"
import { notificationsOf, outcomesOf, recipient } from "./recipient.ts"
import { bin, environment, launch, manifestOf, run, scratch, until } from "./support.ts"

const DAY = 86_400_000

/** Makes the published generation so much older. */
const age = (out: string, millis: number) => {
  const { ended, generation } = manifestOf(out)
  const older = new Date(Date.parse(ended) - millis).toISOString()
  const text = readFileSync(join(out, "manifest.json"), "utf8").replaceAll(ended, older)
  writeFileSync(join(out, "manifest.json"), text)
  writeFileSync(join(out, "generations", String(generation).padStart(8, "0"), "manifest.json"), text)
  return older
}

/** A cron expression whose time does not come. */
const rarely = "0 0 29 2 *"

/** Starts the program with its log in a file. */
const logged = (log: string) => ["/bin/sh", "-c", `exec "$0" "$@" 2>>'${log}'`, process.execPath, bin]

describe.concurrent("inspect --stale-after", () => {
  it.live("fails with exit code 5 when no run has succeeded for so long", () =>
    Effect.gen(function* () {
      const env = environment(yield* Simulator)
      const out = join(yield* scratch, "out")
      const inspect = (limit: string) => run({}, "inspect", "--out", out, "--stale-after", limit)
      const empty = yield* inspect("1h")
      assert.deepStrictEqual([empty.code, empty.stdout.includes("stale: nothing is published")], [5, true])
      assert.strictEqual((yield* run(env, "run", "--out", out)).code, 0)
      const fresh = yield* inspect("1h")
      assert.deepStrictEqual([fresh.code, fresh.stdout.includes("\nnot stale\n")], [0, true])
      const ended = age(out, 3 * DAY + 2 * 3_600_000)
      assert.strictEqual((yield* inspect("4d")).code, 0)
      const { code, stderr, stdout } = yield* inspect("2 days")
      assert.strictEqual(code, 5)
      assert.include(stdout, `\nstale: no success for 3d 2h, since ${ended}\n`)
      assert.lengthOf(stderr.trimEnd().split("\n"), 1)
      assert.include(stderr, "the export is stale: no success for 3d 2h")
      assert.include(stderr, "--stale-after 2d")
      assert.strictEqual((yield* run({}, "inspect", "--out", out)).code, 0)
      age(out, -30 * DAY)
      const future = yield* inspect("2d")
      assert.deepStrictEqual([future.code, future.stderr.includes("check the clock of this machine")], [5, true])
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )
})

describe.concurrent("schedule --stale-after", () => {
  it.live("tells of an old success while no run is due, and not again after a restart", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const { told, url } = yield* recipient()
      const root = yield* scratch
      const [out, log] = [join(root, "out"), join(root, "log")]
      const env = { ...environment(simulator), HB_SESSIONS_EXPORT_NOTIFY_URL: url }
      yield* run(env, "run", "--out", out)
      const ended = age(out, 3 * DAY)
      const schedule = (...more: ReadonlyArray<string>) =>
        launch(env, ["schedule", "--cron", rarely, "--out", out, "--stale-after", "2d", ...more], logged(log))
      const first = schedule()
      yield* Effect.promise(() => until(() => existsSync(join(out, ".note"))))
      first.child.kill("SIGTERM")
      assert.strictEqual(yield* Effect.promise(() => first.ended), 143)
      const [stale, ...others] = notificationsOf(told)
      assert.deepStrictEqual(others, [])
      assert.deepStrictEqual(
        [stale?.outcome, stale?.staleAfterSeconds, stale?.exitCode, stale?.durationSeconds],
        ["stale", 2 * 86_400, undefined, undefined]
      )
      assert.deepInclude(stale?.published, { generation: 1, ended })
      assert.match(stale?.message ?? "", new RegExp(`^no success for 3d.*, since ${ended}$`))
      assert.strictEqual(stale?.text, `${out}: the export is stale: ${stale?.message}`)
      assert.match(readFileSync(log, "utf8"), /WARN the export is stale: no success for 3d/)
      // The run at the start is the first thing that is told of.
      const second = schedule("--run-at-start")
      yield* Effect.promise(() => until(() => told.length > 1))
      second.child.kill("SIGTERM")
      yield* Effect.promise(() => second.ended)
      assert.deepStrictEqual(outcomesOf(told), ["stale", "recovered"])
      assert.isFalse(existsSync(join(out, ".note")))
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )

  it.live("tells while a run hangs, again and again, but not more often than that", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const { told, url } = yield* recipient()
      const out = join(yield* scratch, "out")
      yield* simulator.setFaults({ script: [{ fault: "hang", page: 2 }] })
      const args = ["--run-at-start", "--cron", rarely, "--out", out, "--stale-after", "2s", "--notify-url", url]
      const { child, ended } = launch(environment(simulator), ["schedule", ...args])
      yield* Effect.promise(() => until(() => told.length === 3))
      child.kill("SIGTERM")
      assert.strictEqual(yield* Effect.promise(() => ended), 143)
      const notifications = notificationsOf(told).slice(0, 3)
      assert.deepStrictEqual(
        notifications.map(({ message }) => message),
        Array(3).fill("nothing is published")
      )
      const times = notifications.map(({ time }) => Date.parse(time))
      for (const [index, time] of times.entries()) if (index > 0) assert.isAtLeast(time - (times[index - 1] ?? 0), 500)
      yield* simulator.setFaults({})
      yield* run(environment(simulator), "run", "--out", out, "--notify-url", url)
      assert.strictEqual(outcomesOf(told).at(-1), "recovered")
    }).pipe(Effect.provide(Simulator.layer({ sessions: 30 })), Effect.scoped)
  )
})

describe.concurrent("--stale-after of many accounts", () => {
  it.live("is told by the name of the account, by schedule and inspect", () =>
    Effect.gen(function* () {
      const { apiKey, url: server } = yield* Simulator
      const { told, url } = yield* recipient()
      const root = yield* scratch
      writeFileSync(join(root, "key"), apiKey)
      const file = join(root, "accounts.toml")
      writeFileSync(file, `[defaults]\napi_key_file = "key"\n[accounts.new]\n[accounts.old]\n`)
      const { HYPERBROWSER_API_KEY: _, ...rest } = environment({ apiKey, url: server })
      const env = {
        ...rest,
        HB_SESSIONS_EXPORT_ACCOUNTS: file,
        HB_SESSIONS_EXPORT_OUT: join(root, "{account}"),
        HB_SESSIONS_EXPORT_STALE_AFTER: "2d"
      }
      assert.strictEqual((yield* run(env, "run")).code, 0)
      age(join(root, "old"), 3 * DAY)
      const { code, stdout } = yield* run(env, "inspect")
      assert.strictEqual(code, 5)
      assert.match(stdout, /^new:\n(?:.+\n)*not stale\n/m)
      assert.match(stdout, /^old:\n(?:.+\n)*stale: no success for 3d/m)
      const { child, ended } = launch(env, ["schedule", "--cron", rarely, "--notify-url", url])
      yield* Effect.promise(() => until(() => existsSync(join(root, "old", ".note"))))
      child.kill("SIGTERM")
      assert.strictEqual(yield* Effect.promise(() => ended), 143)
      assert.deepStrictEqual(
        notificationsOf(told).map(({ account, outcome }) => [account, outcome]),
        [["old", "stale"]]
      )
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )
})

describe.concurrent("run --stale-after", () => {
  it.live("tells once where the run itself is not told of", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const { told, url } = yield* recipient()
      const out = join(yield* scratch, "out")
      const env = environment(simulator)
      const exportOnce = (limit = "2d", ...more: ReadonlyArray<string>) =>
        run(env, "run", "--out", out, "--notify-url", url, "--stale-after", limit, ...more)
      assert.strictEqual((yield* exportOnce()).code, 0)
      age(out, 3 * DAY)
      yield* simulator.setFaults({ script: [{ fault: "hang", page: 2 }] })
      const { child, ended } = launch(env, ["run", "--out", out])
      const isHanging = Effect.map(simulator.stats, ({ faults }) => (faults["hang"] ?? 0) > 0)
      yield* Effect.repeat(Effect.delay(isHanging, "20 millis"), { until: (isSo) => isSo })
      for (const _ of [1, 2]) assert.strictEqual((yield* exportOnce()).code, 75)
      assert.deepStrictEqual(outcomesOf(told), ["stale"])
      child.kill("SIGKILL")
      yield* Effect.promise(() => ended)
      yield* simulator.setFaults({ rates: { "500": 1 } })
      assert.strictEqual((yield* exportOnce("2d", "--notify-on", "stale")).code, 4)
      assert.lengthOf(told, 1)
      assert.strictEqual((yield* exportOnce("1ms", "--notify-on", "stale")).code, 4)
      assert.deepStrictEqual(outcomesOf(told), ["stale", "stale"])
    }).pipe(Effect.provide(Simulator.layer({ sessions: 30 })), Effect.scoped)
  )
})

describe.concurrent("the alarm", () => {
  const HOUR = 3_600_000

  /** An export that is stale after two hours, and what was told of it at which hour. */
  const world = Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    const hour = Effect.map(Clock.currentTimeMillis, (now) => (now - began) / HOUR)
    const state = { lastSuccess: Option.none<number>(), staleTold: Option.none<number>(), isAccepted: true }
    const told: Array<number> = []
    const iso = (at: number) => ({ ended: new Date(began + at * HOUR).toISOString() })
    const start = Effect.gen(function* () {
      const check = yield* Staleness.alarm({
        published: Effect.sync(() => Option.map(state.lastSuccess, iso)),
        memory: {
          read: Effect.sync(() => Option.map(state.staleTold, (at) => ({ since: 0, staleTold: began + at * HOUR })))
        },
        tell: () =>
          Effect.map(hour, (now) => {
            told.push(now)
            return state.isAccepted
          })
      })
      return yield* Effect.forkChild(Effect.forever(Effect.flatMap(check(Duration.hours(2)), Staleness.wait)))
    })
    return { state, told, start }
  })

  const cases: ReadonlyArray<
    readonly [name: string, before: Partial<Effect.Success<typeof world>["state"]>, told: ReadonlyArray<number>]
  > = [
    ["waits for a first success before it tells", {}, [2, 4, 6]],
    ["tells of an old success at once", { lastSuccess: Option.some(-5) }, [0, 2, 4, 6]],
    ["tells of a success when it has become old", { lastSuccess: Option.some(-0.5) }, [1.5, 3.5, 5.5]],
    [
      "does not repeat at its start what was told of the same success",
      { lastSuccess: Option.some(-5), staleTold: Option.some(-1.5) },
      [0.5, 2.5, 4.5]
    ],
    [
      "does not take what was told of an earlier success for it",
      { lastSuccess: Option.some(-2), staleTold: Option.some(-3) },
      [0, 2, 4, 6]
    ],
    [
      "does not wait for a time that a wrong clock noted",
      { lastSuccess: Option.some(24 * 365), staleTold: Option.some(24 * 365) },
      [0, 2, 4, 6]
    ],
    [
      "does not repeat what was told before a clock was set back by less than an hour",
      { lastSuccess: Option.some(-5), staleTold: Option.some(0.5) },
      [2, 4, 6]
    ],
    [
      "repeats what was told at a time that is further ahead",
      { lastSuccess: Option.some(-5), staleTold: Option.some(1.5) },
      [0, 2, 4, 6]
    ],
    ["allows for the clock of another machine", { lastSuccess: Option.some(0.9) }, [2.9, 4.9]]
  ]
  for (const [name, before, expected] of cases) {
    it.effect(name, () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(Date.parse("2026-01-10T12:00:00Z"))
        const { start, state, told } = yield* world
        Object.assign(state, before)
        const fiber = yield* start
        yield* TestClock.adjust("6 hours")
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(told, expected)
      })
    )
  }

  it.effect("is quiet after a success", () =>
    Effect.gen(function* () {
      const { start, state, told } = yield* world
      const fiber = yield* start
      yield* TestClock.adjust("3 hours")
      state.lastSuccess = Option.some(3)
      yield* TestClock.adjust("3 hours")
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(told, [2, 5])
    })
  )

  it.effect("tries again every five minutes until someone was told", () =>
    Effect.gen(function* () {
      const { start, state, told } = yield* world
      state.isAccepted = false
      const fiber = yield* start
      yield* TestClock.adjust("127 minutes")
      state.isAccepted = true
      yield* TestClock.adjust("1 hour")
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(
        told.map((at) => Math.round(at * 60)),
        [120, 125, 130]
      )
    })
  )
})

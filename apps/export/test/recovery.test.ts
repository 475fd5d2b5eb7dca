/**
 * Going on after an interruption, standing still, two at once, and state that cannot be used.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import {
  cpSync,
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import {
  environment,
  hasCheckpoint,
  launch,
  leftOvers,
  manifestOf,
  publishedIds,
  rowsOf,
  run,
  runHere,
  scratch,
  until
} from "./support.ts"

const everyPage = ["--checkpoint-every", "0 millis"]

const stagingOf = (directory: string) => leftOvers(directory).find((name) => name.startsWith(".staging-")) ?? ""

/** Leaves an interrupted run with a checkpoint in a directory. */
const interrupt = Effect.fnUntraced(function* (
  simulator: Simulator["Service"],
  out: string,
  args: ReadonlyArray<string> = []
) {
  yield* simulator.setFaults({ script: [{ fault: "500", page: 6 }] })
  const { code } = yield* run(environment(simulator), "run", "--out", out, ...everyPage, ...args)
  assert.strictEqual(code, 4)
  assert.isTrue(hasCheckpoint(out))
  yield* simulator.setFaults({})
})

describe("an interrupted run", () => {
  const selections = [
    [],
    ["--compress", "gzip", "--format", "ndjson"],
    ["--partition", "day", "--tz", "Asia/Kolkata", "--columns", "id,status"],
    ["--mode", "incremental", "--compress", "zstd"]
  ]
  for (const selection of selections) {
    it.live(`is resumed, to the same bytes: ${selection.join(" ")}`, () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const root = yield* scratch
        const [whole, cut] = [join(root, "whole"), join(root, "cut")]
        const env = environment(simulator)
        assert.strictEqual((yield* run(env, "run", "--out", whole, ...selection)).code, 0)
        yield* interrupt(simulator, cut, selection)
        const { code, stderr } = yield* run(env, "run", "--out", cut, ...selection)
        assert.strictEqual(code, 0, stderr)
        assert.include(stderr, "resuming an interrupted export after")
        assert.strictEqual(manifestOf(cut).resumed, 1)
        const files = manifestOf(whole).files
        assert.deepStrictEqual(manifestOf(cut).files, files)
        assert.isNotEmpty(files)
        assert.strictEqual(manifestOf(cut).completeness, "proven")
        assert.deepStrictEqual(leftOvers(cut), [])
      }).pipe(Effect.provide(Simulator.layer({ sessions: 120 })), Effect.scoped)
    )
  }

  const slowly = ["run", ...everyPage, "--concurrency", "1"]

  /** A run of one page after the other, each time with one more page; the directory as it is after each. */
  const interruptAtEachPage = Effect.fnUntraced(function* (root: string, between: Effect.Effect<unknown>) {
    const simulator = yield* Simulator
    const out = join(root, "out")
    const copies: Array<string> = []
    for (let page = 2; page <= 10; page++) {
      yield* simulator.setFaults({ script: [{ fault: "500", page }] })
      const { code } = yield* runHere(environment(simulator), ...slowly, "--out", out)
      assert.strictEqual(code, 4)
      yield* simulator.setFaults({})
      const copy = join(root, `copy-${page}`)
      cpSync(out, copy, { recursive: true })
      copies.push(copy)
      yield* between
    }
    return copies
  })

  it.live(
    "is resumed from each of its checkpoints, to the same bytes",
    () =>
      Effect.gen(function* () {
        const env = environment(yield* Simulator)
        const root = yield* scratch
        const whole = join(root, "whole")
        assert.strictEqual((yield* runHere(env, "run", "--out", whole)).code, 0)
        for (const copy of yield* interruptAtEachPage(root, Effect.void)) {
          const { code, stderr } = yield* runHere(env, ...slowly, "--out", copy)
          assert.strictEqual(code, 0, stderr)
          assert.isAbove(manifestOf(copy).resumed, 0)
          assert.deepStrictEqual(manifestOf(copy).files, manifestOf(whole).files)
          assert.isTrue(readFileSync(join(copy, "sessions.csv")).equals(readFileSync(join(whole, "sessions.csv"))))
        }
      }).pipe(Effect.provide(Simulator.layer({ sessions: 95 })), Effect.scoped),
    60_000
  )

  it.live(
    "is resumed from each of its checkpoints while the list changes, and each row was true meanwhile",
    () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const root = yield* scratch
        const env = environment(simulator)
        const seen = new Set<string>()
        const look = Effect.gen(function* () {
          const moment = join(root, `moment-${seen.size}`)
          assert.strictEqual((yield* runHere(env, "run", "--out", moment)).code, 0)
          for (const row of rowsOf(join(moment, "sessions.csv"))) seen.add(JSON.stringify(row))
        })
        yield* look
        const change = Effect.andThen(Effect.andThen(simulator.mutate("start", 1), simulator.mutate("end", 1)), look)
        const copies = yield* interruptAtEachPage(root, change)
        const model = simulator.world.ids().toSorted()
        for (const copy of copies) {
          const { code, stderr } = yield* runHere(env, ...slowly, "--out", copy)
          assert.strictEqual(code, 0, stderr)
          assert.isAbove(manifestOf(copy).resumed, 0)
          assert.deepStrictEqual(publishedIds(copy), model)
          const rows = rowsOf(join(copy, "sessions.csv"))
          const untrue = rows.filter((row) => !seen.has(JSON.stringify(row)))
          assert.deepStrictEqual(untrue, [])
        }
      }).pipe(Effect.provide(Simulator.layer({ sessions: 95 })), Effect.scoped),
    60_000
  )

  it.live("starts over when its files are damaged, and quarantines them", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const out = join(yield* scratch, "out")
      yield* interrupt(simulator, out)
      writeFileSync(join(out, stagingOf(out), "raw", "sessions.csv"), "something else")
      const { code, stderr } = yield* runHere(environment(simulator), "run", "--out", out)
      assert.strictEqual(code, 0)
      assert.include(stderr, "its files are damaged")
      assert.lengthOf(leftOvers(out), 1)
      assert.deepStrictEqual(publishedIds(out), simulator.world.ids().toSorted())
    }).pipe(Effect.provide(Simulator.layer({ sessions: 100 })), Effect.scoped)
  )

  it.live("starts over when the state of the scan is damaged", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const out = join(yield* scratch, "out")
      yield* interrupt(simulator, out)
      const file = join(out, stagingOf(out), "scan", "scan.bin")
      const bytes = readFileSync(file)
      writeFileSync(file, bytes.subarray(0, -7))
      const { code, stderr } = yield* runHere(environment(simulator), "run", "--out", out)
      assert.strictEqual(code, 0)
      assert.include(stderr, "its files are damaged")
      assert.deepStrictEqual(publishedIds(out), simulator.world.ids().toSorted())
    }).pipe(Effect.provide(Simulator.layer({ sessions: 100 })), Effect.scoped)
  )

  it.live(
    "resumes near where it stopped: a quiet list costs at most a tenth more requests in any number of parts",
    () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const root = yield* scratch
        const asked = Effect.map(simulator.stats, ({ requests }) => requests)
        const start = yield* asked
        assert.strictEqual((yield* run(environment(simulator), "run", "--out", join(root, "whole"))).code, 0)
        const whole = (yield* asked) - start
        const out = join(root, "parts")
        const env = { ...environment(simulator), HB_SESSIONS_RETRIES: "0" }
        const before = yield* asked
        let failed = 0
        for (const page of [5, 12, 20, 31, 45, 58]) {
          yield* simulator.setFaults({ script: [{ fault: "500", page }] })
          assert.strictEqual((yield* run(env, "run", "--out", out, "--concurrency", "1")).code, 4)
          failed++
        }
        yield* simulator.setFaults({})
        assert.strictEqual((yield* run(env, "run", "--out", out, "--concurrency", "1")).code, 0)
        const parts = (yield* asked) - before - failed
        assert.isAtMost(parts, whole * 1.1)
        assert.strictEqual(manifestOf(out).resumed, failed)
        assert.strictEqual(manifestOf(out).completeness, "proven")
        assert.deepStrictEqual(publishedIds(out), simulator.world.ids().toSorted())
      }).pipe(Effect.provide(Simulator.layer({ sessions: 600 })), Effect.scoped),
    60_000
  )

  const damages: ReadonlyArray<readonly [string, (text: string) => string]> = [
    ["it is damaged", (text) => text.slice(0, 100)],
    ["it has version 2", (text) => text.replace('"schemaVersion":1', '"schemaVersion":2')],
    ["another API key", (text) => text.replace(/"digest":"\w+"/, '"digest":"0000000000000000"')],
    ["other settings", (text) => text.replace('"format":"csv"', '"format":"ndjson"')]
  ]
  for (const [why, damage] of damages) {
    it.live(`starts over and quarantines a checkpoint that cannot be used: ${why}`, () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const out = join(yield* scratch, "out")
        yield* interrupt(simulator, out)
        const file = join(out, stagingOf(out), "checkpoint.json")
        writeFileSync(file, damage(readFileSync(file, "utf8")))
        const { code, stderr } = yield* run(environment(simulator), "run", "--out", out)
        assert.strictEqual(code, 0, stderr)
        assert.include(stderr, why)
        assert.lengthOf(
          leftOvers(out).filter((name) => name.startsWith(".quarantined-")),
          1
        )
        assert.deepStrictEqual(publishedIds(out), simulator.world.ids().toSorted())
      }).pipe(Effect.provide(Simulator.layer({ sessions: 100 })), Effect.scoped)
    )
  }
})

describe("a manifest that cannot be read", () => {
  const damages = [
    ["is damaged", '{"schemaVersion":1}'],
    ["is damaged", "half a manif"],
    ["has version 9, and this program reads version 1; update this program\n", '{"schemaVersion":9}']
  ] as const
  for (const [why, text] of damages) {
    it.live(`is rejected and left in place: ${text}`, () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const out = yield* scratch
        writeFileSync(join(out, "manifest.json"), text)
        const { code, stderr } = yield* run(environment(simulator), "run", "--out", out)
        assert.strictEqual(code, 2)
        assert.include(stderr, why)
        assert.strictEqual(readFileSync(join(out, "manifest.json"), "utf8"), text)
        assert.deepStrictEqual(leftOvers(out), [])
      }).pipe(Effect.provide(Simulator.layer({ sessions: 10 })), Effect.scoped)
    )
  }

  it.live("that is missing beside generations is rejected", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const out = yield* scratch
      yield* run(environment(simulator), "run", "--out", out)
      rmSync(join(out, "manifest.json"))
      const { code, stderr } = yield* run(environment(simulator), "run", "--out", out)
      assert.strictEqual(code, 2)
      assert.include(stderr, "manifest.json is missing")
      assert.isTrue(existsSync(join(out, "generations", "00000001", "sessions.csv")))
    }).pipe(Effect.provide(Simulator.layer({ sessions: 10 })), Effect.scoped)
  )

  it.live("with other settings is not appended to", () =>
    Effect.gen(function* () {
      const env = environment(yield* Simulator)
      const out = yield* scratch
      const args = ["run", "--out", out, "--mode", "incremental"]
      yield* run(env, ...args)
      const { code, stderr } = yield* run(env, ...args, "--format", "ndjson")
      assert.strictEqual(code, 2)
      assert.include(stderr, "--full-refresh")
      assert.strictEqual((yield* run(env, ...args, "--format", "ndjson", "--full-refresh")).code, 0)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 10 })), Effect.scoped)
  )
})

describe("two runs", () => {
  it.live("at once: the second fails immediately with exit code 75, and the lock dies with the first", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const out = join(yield* scratch, "out")
      yield* simulator.setFaults({ script: [{ fault: "hang", page: 6 }] })
      const first = launch(environment(simulator), ["run", "--out", out, ...everyPage])
      yield* Effect.promise(() => until(() => hasCheckpoint(out)))
      const second = yield* run(environment(simulator), "run", "--out", out)
      assert.strictEqual(second.code, 75)
      assert.match(second.stderr, /^hb-sessions-export: another run holds the lock of [^\n]+\n$/)
      first.child.kill("SIGKILL")
      yield* Effect.promise(() => first.ended)
      yield* simulator.setFaults({})
      assert.strictEqual((yield* run(environment(simulator), "run", "--out", out)).code, 0)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 100 })), Effect.scoped)
  )

  it.live("one is stopped while the other publishes: it loses the lock and cannot overwrite the newer generation", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const env = environment(simulator)
      const out = join(yield* scratch, "out")
      yield* simulator.setFaults({ script: [{ fault: "hang", page: 6 }] })
      const first = launch({ ...env, HB_SESSIONS_ATTEMPT_TIMEOUT: "1 second", HB_SESSIONS_RETRIES: "3" }, [
        "run",
        "--out",
        out,
        ...everyPage
      ])
      yield* Effect.promise(() => until(() => hasCheckpoint(out)))
      first.child.kill("SIGSTOP")
      yield* simulator.setFaults({})
      yield* simulator.mutate("start", 3)
      assert.strictEqual((yield* run(env, "run", "--out", out)).code, 75, "it has not been silent for long")
      const staging = readdirSync(out).find((name) => name.startsWith(".staging")) ?? ""
      const aMinuteAgo = Date.now() / 1000 - 60
      utimesSync(join(out, staging, "alive"), aMinuteAgo, aMinuteAgo)
      const second = yield* run(env, "run", "--out", out, "--take-over-after", "30 seconds")
      assert.strictEqual(second.code, 0, second.stderr)
      assert.include(second.stderr, "takes over")
      const manifest = readFileSync(join(out, "manifest.json"), "utf8")
      const data = readFileSync(join(out, "sessions.csv"))
      first.child.kill("SIGCONT")
      assert.strictEqual(yield* Effect.promise(() => first.ended), 75)
      assert.strictEqual(readFileSync(join(out, "manifest.json"), "utf8"), manifest)
      assert.deepStrictEqual(readFileSync(join(out, "sessions.csv")), data)
      assert.deepStrictEqual(publishedIds(out), simulator.world.ids().toSorted())
      assert.deepStrictEqual(leftOvers(out), [])
      assert.strictEqual((yield* run(env, "run", "--out", out)).code, 0)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 100 })), Effect.scoped)
  )
})

describe("after an interrupted commit", () => {
  it.live("the next run completes the directory from the manifest", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const env = environment(simulator)
      const out = join(yield* scratch, "out")
      yield* run(env, "run", "--out", out, "--keep", "3")
      rmSync(join(out, "sessions.csv"))
      rmSync(join(out, "generations", "00000001", "manifest.json"))
      // A generation that was never committed.
      cpSync(join(out, "generations", "00000001"), join(out, "generations", "00000002"), { recursive: true })
      yield* simulator.setFaults({ rates: { "500": 1 } })
      assert.strictEqual((yield* run(env, "run", "--out", out, "--keep", "3")).code, 4)
      assert.deepStrictEqual(readdirSync(join(out, "generations")), ["00000001"])
      assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 20 })), Effect.scoped)
  )

  it.live("sessions.csv is a hard link to the file of the generation, not a copy", () =>
    Effect.gen(function* () {
      const out = join(yield* scratch, "out")
      yield* run(environment(yield* Simulator), "run", "--out", out)
      const [link, file] = [join(out, "sessions.csv"), join(out, "generations", "00000001", "sessions.csv")]
      assert.strictEqual(statSync(link).ino, statSync(file).ino)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 20 })), Effect.scoped)
  )

  it.live("verify finds later changes", () =>
    Effect.gen(function* () {
      const out = join(yield* scratch, "out")
      yield* run(environment(yield* Simulator), "run", "--out", out, "--compress", "gzip", "--partition", "month")
      const [file] = manifestOf(out).files
      assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0)
      renameSync(join(out, file?.path ?? ""), join(out, "elsewhere"))
      writeFileSync(join(out, file?.path ?? ""), "other")
      const { code, stderr } = yield* run({}, "verify", "--out", out)
      assert.strictEqual(code, 74)
      assert.include(stderr, file?.path ?? "")
    }).pipe(Effect.provide(Simulator.layer({ sessions: 20 })), Effect.scoped)
  )
})

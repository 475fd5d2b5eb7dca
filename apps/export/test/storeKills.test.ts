/**
 * The built program, killed at random while it publishes to a bucket.
 */
import { assert, describe, it } from "@effect/vitest"
import { makeRng } from "@hb-sessions/simulator/Rng"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { endLease, find, type Place } from "./store/runs.ts"
import { strict } from "./store/stores.ts"
import { isFull, tell } from "./strace.ts"
import { environment, launch, run, scratch, until } from "./support.ts"

const rounds = Number(process.env["HB_SESSIONS_TEST_ROUNDS"] ?? (isFull ? 60 : 8))
const seed = process.env["HB_SESSIONS_TEST_SEED"] ?? String(Date.now())

describe("killed at random", { timeout: 3_600_000 }, () => {
  it.live(
    "readers always find a whole generation, and what a resumed run publishes is what an undisturbed one does",
    () =>
      Effect.gen(function* () {
        tell(`${rounds} rounds of HB_SESSIONS_TEST_SEED=${seed}`)
        const rng = makeRng(`bucket-${seed}`)
        const simulator = yield* Simulator
        const store = yield* strict()
        const work = yield* scratch
        const env = { ...environment(simulator), ...store.environment, HB_SESSIONS_RETRIES: "3" }
        const words = (prefix: string) => [
          "run",
          "--out",
          `s3://${store.bucket}/${prefix}`,
          "--checkpoint-every",
          "0 millis"
        ]
        const place: Place = { store, prefix: "killed" }
        const begun = Date.now()
        assert.strictEqual((yield* run(env, ...words("undisturbed"))).code, 0)
        // As long as a run takes on this machine: some rounds come to their end.
        const span = Date.now() - begun
        let killed = 0
        let least = 0
        for (let round = 0; round < rounds; round++) {
          const { child, ended } = launch(env, [...words("killed"), "--work-dir", work])
          const timer = setTimeout(() => child.kill("SIGKILL"), span * (0.3 + 1.1 * rng.fraction(round, 1)))
          if ((yield* Effect.promise(() => ended)) === null) killed++
          clearTimeout(timer)
          const { generation, problems } = yield* find(place)
          assert.deepStrictEqual(problems, [], `round ${round}`)
          assert.isAtLeast(generation, least, `round ${round}`)
          least = generation
          yield* endLease(place)
        }
        tell(`${killed} of them killed before they had come to their end`)
        yield* simulator.setChurn({})
        for (const prefix of ["killed", "killed", "undisturbed"]) {
          // The first may go on from a checkpoint, with rows of sessions that have ended since.
          const { code, stderr } = yield* run(env, ...words(prefix), "--strict", "--work-dir", work)
          assert.strictEqual(code, 0, stderr)
        }
        const [one, other] = yield* Effect.all([find(place), find({ store, prefix: "undisturbed" })])
        assert.deepStrictEqual(one.left, [])
        assert.strictEqual(one.latest[0], other.latest[0])
        assert.strictEqual(one.latest[0], one.latest[1])
        // One directory a destination, without what runs leave.
        for (const name of readdirSync(work)) assert.deepStrictEqual(readdirSync(join(work, name)), [".lock"])
      }).pipe(
        Effect.provide(
          Simulator.layer({
            sessions: 300,
            seed: "bucket-kills",
            churn: { start: 0.02, end: 0.02 },
            latency: { min: "0 millis", max: "5 millis" }
          })
        ),
        Effect.scoped
      )
  )

  it.live("a run that was killed is resumed from the work directory, and not without it", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const store = yield* strict()
      const work = yield* scratch
      const env = { ...environment(simulator), ...store.environment }
      const words = [
        "run",
        "--out",
        "s3://exports/resumed",
        "--checkpoint-every",
        "0 millis",
        "--max-runtime",
        "1 second"
      ]
      const first = yield* run(env, ...words, "--concurrency", "1", "--work-dir", work)
      assert.strictEqual(first.code, 143, first.stderr)
      const elsewhere = yield* run(env, ...words.slice(0, 3))
      assert.notInclude(elsewhere.stderr, "resuming")
      assert.strictEqual(elsewhere.code, 0, elsewhere.stderr)
      const other = yield* scratch
      const again = ["run", "--out", "s3://exports/again", "--checkpoint-every", "0 millis"]
      const stopped = yield* run(env, ...again, "--concurrency", "1", "--max-runtime", "1 second", "--work-dir", other)
      assert.strictEqual(stopped.code, 143, stopped.stderr)
      const { code, stderr } = yield* run(env, ...again, "--work-dir", other)
      assert.strictEqual(code, 0, stderr)
      assert.match(stderr, /resuming an interrupted export after [1-9]\d* sessions/)
    }).pipe(
      Effect.provide(
        Simulator.layer({ sessions: 400, seed: "resumed", latency: { min: "80 millis", max: "80 millis" } })
      ),
      Effect.scoped
    )
  )
})

describe("the lease", () => {
  it.live("lets one of two runs publish, and outlives a dead one by a minute of the store's clock", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const store = yield* strict()
      const { advanceClock, contents } = store.running
      const env = { ...environment(simulator), ...store.environment }
      const words = ["run", "--out", "s3://exports/a"]
      const both = yield* Effect.all([run(env, ...words), run(env, ...words)], { concurrency: 2 })
      assert.deepStrictEqual(both.map(({ code }) => code).toSorted(), [0, 75])
      const loser = both.find(({ code }) => code === 75)
      assert.match(loser?.stderr ?? "", /another run \(process \d+ on .*\) holds the lease of s3:\/\/exports\/a/)
      assert.isUndefined(contents.text("exports", "a/.lease.json"))

      const { child, ended } = launch(env, words)
      yield* Effect.promise(() => until(() => contents.text("exports", "a/.lease.json") !== undefined))
      child.kill("SIGKILL")
      yield* Effect.promise(() => ended)
      assert.strictEqual((yield* run(env, ...words)).code, 75)
      advanceClock(59_000)
      assert.strictEqual((yield* run(env, ...words)).code, 75)
      advanceClock(5000)
      const { code, stderr } = yield* run(env, ...words)
      assert.strictEqual(code, 0, stderr)
      assert.include(stderr, "was inactive for too long and lost it")
      assert.isUndefined(contents.text("exports", "a/.lease.json"))
    }).pipe(
      Effect.provide(
        Simulator.layer({ sessions: 30, seed: "lease", latency: { min: "300 millis", max: "300 millis" } })
      ),
      Effect.scoped
    )
  )

  it.live(
    "is taken where its holder ends in between, and where the store's clock was set back since it was renewed",
    () =>
      Effect.gen(function* () {
        const store = yield* strict()
        const { advanceClock, contents, setHook } = store.running
        const lease = "a/.lease.json"
        const other = '{"run":"other","host":"elsewhere","process":1,"renewed":0}'
        const env = { ...environment(yield* Simulator), ...store.environment }
        const words = ["run", "--out", "s3://exports/a"]
        let writes = 0
        setHook(({ key, operation }) => {
          if (key !== lease) return
          if (operation === "PutObject" && writes++ === 0) contents.put("exports", lease, other)
          if (operation === "GetObject" && writes === 1) contents.remove("exports", lease)
        })
        const raced = yield* run(env, ...words)
        assert.strictEqual(raced.code, 0, raced.stderr)
        assert.isAbove(writes, 1)
        setHook(undefined)

        advanceClock(3_600_000)
        contents.put("exports", lease, other)
        advanceClock(-3_600_000)
        const { code, stderr } = yield* run(env, ...words)
        assert.strictEqual(code, 0, stderr)
        assert.include(stderr, "this run takes over")
      }).pipe(Effect.provide(Simulator.layer({ sessions: 10, seed: "lease" })), Effect.scoped)
  )
})

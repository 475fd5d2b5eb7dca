/**
 * Killed again and again at random times, while the list changes and the server fails.
 */
import { assert, describe, it } from "@effect/vitest"
import { makeRng } from "@hb-sessions/simulator/Rng"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { cpSync, existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { isFull, prepare, problemOf, tell } from "./strace.ts"
import { environment, launch, leftOvers, manifestOf, publishedIds, run, runHere, scratch } from "./support.ts"

const naive = fileURLToPath(new URL("./fixtures/naiveExport.mjs", import.meta.url))

/**
 * Rounds in each of four series, 50 with HB_SESSIONS_TEST_FULL=1: each series has a directory and a server of its own, and
 * two are played at a time.
 */
const rounds = Number(process.env["HB_SESSIONS_TEST_ROUNDS"] ?? (isFull ? 50 : 8))
const seed = process.env["HB_SESSIONS_TEST_SEED"] ?? String(Date.now())

/** Plays one series; tells how many rounds were killed. */
const play = (series: string) =>
  Effect.gen(function* () {
    const rng = makeRng(series)
    const simulator = yield* Simulator
    const env = { ...environment(simulator), HB_SESSIONS_RETRIES: "3" }
    const root = yield* scratch
    const out = join(root, "out")
    const args = ["run", "--out", out, "--checkpoint-every", "0 millis", "--keep", "2"]
    const begun = Date.now()
    assert.strictEqual((yield* run(env, "run", "--out", join(root, "undisturbed"))).code, 0)
    // As long as a run takes on this machine: some rounds come to their end.
    const span = Date.now() - begun
    let killed = 0
    for (let round = 0; round < rounds; round++) {
      const ids = simulator.world.ids()
      const { child, ended } = launch(env, args)
      const timer = setTimeout(() => child.kill("SIGKILL"), span * (0.3 + 1.2 * rng.fraction(round, 1)))
      const code = yield* Effect.promise(() => ended)
      clearTimeout(timer)
      if (code === null) killed++
      if (!existsSync(join(out, "manifest.json"))) continue
      const manifest = manifestOf(out)
      const published = publishedIds(out)
      assert.lengthOf(published, manifest.sessions, `round ${round}: rows of the manifest`)
      assert.strictEqual(new Set(published).size, published.length, `round ${round}: a session is there twice`)
      if (code === 0 && manifest.completeness === "proven") {
        const held = new Set(published)
        const lost = ids.filter((id) => !held.has(id))
        assert.deepStrictEqual(lost, [], `round ${round}: proven, and these are missing`)
      }
    }
    yield* simulator.setChurn({})
    yield* simulator.setFaults({})
    // The first may go on from a checkpoint, with rows of sessions that have ended since.
    assert.strictEqual((yield* runHere(env, ...args, "--strict")).code, 0)
    assert.includeMembers([...publishedIds(out)], [...simulator.world.ids()])
    assert.strictEqual((yield* runHere(env, ...args, "--strict")).code, 0)
    const whole = join(root, "whole")
    assert.strictEqual((yield* runHere(env, "run", "--out", whole, "--strict")).code, 0)
    assert.isTrue(readFileSync(join(out, "sessions.csv")).equals(readFileSync(join(whole, "sessions.csv"))))
    assert.deepStrictEqual(publishedIds(out), simulator.world.ids().toSorted())
    assert.deepStrictEqual(leftOvers(out), [])
    assert.strictEqual((yield* runHere({}, "verify", "--out", out)).code, 0)
    return killed
  }).pipe(
    Effect.provide(
      Simulator.layer({
        sessions: 300,
        seed: series,
        churn: { start: 0.02, end: 0.02 },
        faults: { rates: { reset: 0.01, "503": 0.01, truncate: 0.01 } },
        latency: { min: "0 millis", max: "5 millis" }
      })
    ),
    Effect.scoped
  )

describe("killed at random", { timeout: 3_600_000 }, () => {
  it.live("the last run publishes what an undisturbed run would have", () =>
    Effect.gen(function* () {
      tell(`4 times ${rounds} rounds of HB_SESSIONS_TEST_SEED=${seed}`)
      const series = [1, 2, 3, 4].map((n) => `kills-${seed}-${n}`)
      const killed = yield* Effect.forEach(series, play, { concurrency: 2 })
      tell(`${killed.join(", ")} of them killed before they had come to their end`)
      assert.isAbove(
        killed.reduce((sum, n) => sum + n, 0),
        rounds
      )
    })
  )

  it.live("a careless program is caught", () =>
    Effect.gen(function* () {
      const round = yield* prepare([], naive)
      const out = join(round.root, "naive")
      cpSync(round.base, out, { recursive: true })
      let caught = 0
      for (const delay of [100, 120, 140, 160, 180, 200, 220, 240, 260, 280]) {
        const { child, ended } = launch(round.env, ["run", "--out", out], [process.execPath, naive])
        const timer = setTimeout(() => child.kill("SIGKILL"), delay)
        yield* Effect.promise(() => ended)
        clearTimeout(timer)
        if (problemOf(round, out, true) !== undefined) caught++
      }
      assert.isAbove(caught, 0)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 1000, latency: "1 millis" })), Effect.scoped)
  )
})

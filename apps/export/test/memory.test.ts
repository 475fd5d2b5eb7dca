/**
 * A long list in a small heap. With HB_SESSIONS_TEST_FULL=1 it is a million sessions in 96 MB, and 300,000 in Parquet.
 */
import { assert, describe, it } from "@effect/vitest"
import { TELL_MEMORY, toldMemory } from "@hb-sessions/app-kit/tellMemory"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { bin, environment, launch, manifestOf, run, scratch } from "./support.ts"

const isFull = process.env["HB_SESSIONS_TEST_FULL"] === "1"
const [sessions, megabytes] = isFull ? [1_000_000, 96] : [40_000, 32]

/** A whole row group, and more, whatever the length of the list. */
const [parquetSessions, parquetMegabytes] = [isFull ? 300_000 : 60_000, 80]

describe("memory", { timeout: 3_600_000 }, () => {
  it.live(`${sessions} sessions, and then what is new of them, fit into a heap of ${megabytes} MB`, () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const env = environment(simulator)
      const out = yield* scratch
      const node = [process.execPath, `--max-old-space-size=${megabytes}`, bin]
      const exportNow = (...args: ReadonlyArray<string>) =>
        Effect.promise(
          () => launch(env, ["run", "--out", out, "--page-size", "100", "--mode", "incremental", ...args], node).ended
        )
      assert.strictEqual(yield* exportNow(), 0)
      assert.strictEqual(manifestOf(out).sessions, sessions)
      // The index of all sessions is read, and written anew.
      yield* simulator.mutate("start", 3)
      assert.strictEqual(yield* exportNow(), 0)
      const { bookmark, sessions: added, scope } = manifestOf(out)
      assert.deepStrictEqual([added, scope, bookmark.index?.sessions], [3, "recent", sessions + 3])
      // The whole list is compared with the index.
      assert.strictEqual(yield* exportNow("--strict"), 0)
      assert.deepStrictEqual([manifestOf(out).sessions, manifestOf(out).scope], [0, "full"])
    }).pipe(Effect.provide(Simulator.layer({ sessions })), Effect.scoped)
  )

  it.live("gives new objects little room, and lets few of them grow old", () =>
    Effect.gen(function* () {
      const env = { ...environment(yield* Simulator), NODE_OPTIONS: TELL_MEMORY }
      const { code, stderr } = yield* run(env, "run", "--out", yield* scratch, "--page-size", "100")
      assert.strictEqual(code, 0)
      const { aged, room } = toldMemory(stderr)
      // 32 MB, or twice that where a busy machine is late; without a bound it is 128 MB.
      assert.isAtMost(room, 64)
      // Pages that garbage keeps would make it 50.
      assert.isAtMost(aged, 30)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 60_000 })), Effect.scoped)
  )

  it.live(
    `${parquetSessions} sessions in Parquet, and their compaction, fit into a heap of ${parquetMegabytes} MB`,
    () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const out = yield* scratch
        const inHeap = (...args: ReadonlyArray<string>) =>
          Effect.promise(
            () =>
              launch(
                environment(simulator),
                [...args, "--out", out],
                [process.execPath, `--max-old-space-size=${parquetMegabytes}`, bin]
              ).ended
          )
        const words = ["run", "--page-size", "100", "--mode", "incremental", "--format", "parquet"]
        assert.strictEqual(yield* inHeap(...words), 0)
        yield* simulator.mutate("start", 3)
        assert.strictEqual(yield* inHeap(...words), 0)
        assert.strictEqual(yield* inHeap("compact"), 0)
        assert.deepStrictEqual(
          manifestOf(out).files.map(({ rows }) => rows),
          [parquetSessions + 3]
        )
        assert.strictEqual(yield* inHeap("verify"), 0)
      }).pipe(Effect.provide(Simulator.layer({ sessions: parquetSessions })), Effect.scoped)
  )
})

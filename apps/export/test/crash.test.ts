/**
 * What is published after a kill at a system call, and on a disk that fails.
 *
 * The same rounds are played with a careless program, and must catch it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { rmSync } from "node:fs"
import { fileURLToPath } from "node:url"
import {
  countCalls,
  hasStrace,
  isFull,
  playAll,
  playFault,
  pointsOf,
  prepare,
  problemOf,
  type Round
} from "./strace.ts"
import { tell } from "./strace.ts"
import { leftOvers, manifestOf, runHere } from "./support.ts"

const naive = fileURLToPath(new URL("./fixtures/naiveExport.mjs", import.meta.url))

const list = { sessions: 35, seed: "crash" }

const selections: ReadonlyArray<readonly [ReadonlyArray<string>, number]> = [
  [[], 3],
  [["--mode", "incremental", "--format", "ndjson", "--compress", "gzip"], 2],
  [["--mode", "incremental", "--format", "parquet"], 2]
]

/** The run after a fault: it must put everything right. */
const runAgain = async (round: Round, out: string) => {
  const { code } = await Effect.runPromise(runHere(round.env, ...round.words.slice(1), "--out", out))
  if (code !== 0) return `the next run exits with ${code}`
  if (leftOvers(out).length > 0) return `${leftOvers(out).join()} stays`
  const problem = problemOf(round, out, false)
  // Only what turned out to be right is of no more interest.
  if (problem === undefined) rmSync(out, { recursive: true })
  return problem
}

describe.skipIf(!hasStrace)("killed at a system call", { timeout: 3_600_000 }, () => {
  const calls = ["openat", "write", "pwrite64", "fsync", "rename", "link", "unlink", "mkdir", "rmdir", "close"]

  for (const [selection, most] of selections) {
    it.live(
      `leaves the generation before or the new one, and the next run puts all right: ${selection.join(" ")}`,
      () =>
        Effect.gen(function* () {
          const round = yield* prepare(selection)
          const points = pointsOf(yield* Effect.promise(() => countCalls(round, calls)), most)
          tell(`killed at ${points.length} system calls`)
          let killed = 0
          const problems = yield* playAll(
            points.map(([call, n]) => `${call}:signal=KILL:when=${n}`),
            async (fault) => {
              const { code, out, problem } = await playFault(round, fault)
              if (code === null) killed++
              return problem ?? (await runAgain(round, out))
            }
          )
          assert.deepStrictEqual(problems, [])
          // Numbers of calls differ a little from run to run.
          assert.isAbove(killed, 0.9 * points.length)
        }).pipe(Effect.provide(Simulator.layer(list)), Effect.scoped)
    )
  }

  it.live("a careless program is caught", () =>
    Effect.gen(function* () {
      const round = yield* prepare([], naive)
      const faults = [20, 30, 40, 50].map((n) => `write:signal=KILL:when=${n}`)
      const problems = yield* playAll(faults, async (fault) => (await playFault(round, fault)).problem)
      assert.isNotEmpty(problems)
    }).pipe(Effect.provide(Simulator.layer(list)), Effect.scoped)
  )
})

describe.skipIf(!hasStrace)("a disk that fails", { timeout: 3_600_000 }, () => {
  const kinds = [
    ["ENOSPC", ["openat", "write", "pwrite64", "fsync", "mkdir", "link", "rename"]],
    ["EDQUOT", ["openat", "write", "pwrite64", "close"]],
    ["EIO", ["openat", "fsync", "close", "write", "pwrite64", "rename", "unlink"]]
  ] as const
  const all = [...new Set(kinds.flatMap(([, calls]) => calls))]

  for (const [selection] of isFull ? selections : selections.slice(0, 1)) {
    it.live(`fails the run with exit code 74, without changing a published byte: ${selection.join(" ")}`, () =>
      Effect.gen(function* () {
        const round = yield* prepare(selection)
        const counts = yield* Effect.promise(() => countCalls(round, all))
        const faults = kinds.flatMap(([error, calls]) =>
          pointsOf(new Map([...counts].filter(([call]) => calls.some((name) => name === call))), 2).map(
            ([call, n]) => `${call}:error=${error}:when=${n}`
          )
        )
        tell(`${faults.length} failures of the disk`)
        let failed = 0
        const problems = yield* playAll(faults, async (fault) => {
          const { code, out, problem } = await playFault(round, fault)
          if (problem !== undefined) return problem
          if (code === 74) failed++
          // A message between Node's own threads can be hit too, which ends it with a signal.
          const isOwn = /^(write|close)/.test(fault)
          if (code !== 74 && code !== 0 && !isOwn) return `exit code ${code}`
          if (code === 0 && manifestOf(out).generation === 1) return "success without a generation"
          return await runAgain(round, out)
        })
        assert.deepStrictEqual(problems, [])
        assert.isAbove(failed, 0.5 * faults.length)
      }).pipe(Effect.provide(Simulator.layer(list)), Effect.scoped)
    )
  }
})

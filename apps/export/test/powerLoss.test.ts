/**
 * A power cut at any moment, as `powerLoss.ts` understands it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { flushedBy, parseCalls, spoiltByPowerLoss } from "./powerLoss.ts"
import { hasStrace, type Round, traceOf } from "./strace.ts"
import { bin, environment, manifestOf, scratch } from "./support.ts"

const naive = fileURLToPath(new URL("./fixtures/naiveExport.mjs", import.meta.url))

const traced = ["openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "link", "unlink", "mkdir", "rmdir"]

/** The calls of three runs one after the other, from an empty directory on. */
const callsOf = Effect.fnUntraced(function* (selection: ReadonlyArray<string>, programs: ReadonlyArray<string>) {
  const simulator = yield* Simulator
  const root = yield* scratch
  const out = join(root, "out")
  const env = { ...environment(simulator), UV_THREADPOOL_SIZE: "1" }
  const logs: Array<string> = []
  for (const program of programs) {
    const round: Pick<Round, "env" | "root" | "words"> = { env, root, words: [program, "run", ...selection] }
    logs.push(yield* Effect.promise(() => traceOf(round, out, traced)))
    yield* simulator.mutate("start", 3)
  }
  assert.isTrue(existsSync(join(out, "manifest.json")))
  return { calls: parseCalls(logs.join("\n")), out }
})

describe.skipIf(!hasStrace)("a power cut", { timeout: 600_000 }, () => {
  const selections = [
    [],
    ["--mode", "incremental"],
    ["--mode", "incremental", "--compact-after", "1"],
    ["--compress", "zstd", "--keep", "2"],
    ["--partition", "month"]
  ]
  for (const selection of selections) {
    it.live(`leaves a manifest and all files that it names, at any moment: ${selection.join(" ")}`, () =>
      Effect.gen(function* () {
        const { calls, out } = yield* callsOf(selection, [bin, bin, bin])
        assert.isAbove(calls.filter((call) => call.name === "rename").length, 10)
        assert.isUndefined(spoiltByPowerLoss(calls, out))
        assert.strictEqual(manifestOf(out).compacts !== undefined, selection.includes("--compact-after"))
      }).pipe(Effect.provide(Simulator.layer({ sessions: 35 })), Effect.scoped)
    )
  }

  it.live("would damage the export if one flush were missing", () =>
    Effect.gen(function* () {
      const { calls, out } = yield* callsOf(["--mode", "incremental"], [bin, bin])
      const kinds: ReadonlyArray<readonly [string, RegExp]> = [
        ["the text", /\/raw\/sessions\.csv$/],
        ["the index", /\.staging-[^/]*\/index\.bin$/],
        ["the new generation's names", /\/data$/],
        ["the names of generations", /\/generations$/],
        ["the manifest", /\.staging-[^/]*\/manifest\.json$/]
      ]
      for (const [what, path] of kinds) {
        const fewer = calls.filter((call) => !path.test(flushedBy(call) ?? ""))
        assert.isBelow(fewer.length, calls.length, what)
        assert.isDefined(spoiltByPowerLoss(fewer, out), what)
      }
      const snapshot = yield* callsOf([], [bin, bin])
      const fewer = snapshot.calls.filter((call) => flushedBy(call) !== snapshot.out)
      assert.isDefined(spoiltByPowerLoss(fewer, snapshot.out), "the name of the manifest")
    }).pipe(Effect.provide(Simulator.layer({ sessions: 35 })), Effect.scoped)
  )

  it.live("damages the export of a careless program", () =>
    Effect.gen(function* () {
      const { calls, out } = yield* callsOf([], [bin, naive])
      assert.isDefined(spoiltByPowerLoss(calls, out))
    }).pipe(Effect.provide(Simulator.layer({ sessions: 35 })), Effect.scoped)
  )
})

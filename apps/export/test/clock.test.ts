/**
 * A clock that was ahead during earlier runs, and is right again.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { environment, manifestOf, runHere as run, scratch } from "./support.ts"

/** Moves every time of the manifests a year ahead, as if the clock had been wrong when they were written. */
const moveAhead = (out: string) => {
  const copies = readdirSync(join(out, "generations")).map((name) => join(out, "generations", name, "manifest.json"))
  for (const file of [join(out, "manifest.json"), ...copies.filter((copy) => existsSync(copy))]) {
    const text = readFileSync(file, "utf8")
    writeFileSync(
      file,
      text.replaceAll(
        /"(started|ended)": "(\d{4})/g,
        (_, key: string, year: string) => `"${key}": "${Number(year) + 1}`
      )
    )
  }
}

describe("a clock that is set back by a year", () => {
  it.live("does not put off the next whole read, and keeps no more generations", () =>
    Effect.gen(function* () {
      const env = environment(yield* Simulator)
      const out = yield* scratch
      const args = ["run", "--out", out, "--mode", "incremental", "--compact-after", "0"]
      for (let generation = 1; generation <= 3; generation++) {
        assert.strictEqual((yield* run(env, ...args)).code, 0)
      }
      assert.strictEqual(manifestOf(out).scope, "recent")
      moveAhead(out)
      assert.strictEqual((yield* run(env, ...args)).code, 0)
      const { oldestKept, scope, scopeReason } = manifestOf(out)
      assert.strictEqual(scope, "full")
      assert.include(scopeReason, "still to come by the clock of this machine")
      assert.strictEqual(oldestKept, 3)
      assert.strictEqual((yield* run(env, ...args)).code, 0)
      assert.deepInclude(manifestOf(out), { scope: "recent", oldestKept: 4 })
    }).pipe(Effect.provide(Simulator.layer({ sessions: 200 })), Effect.scoped)
  )
})

/**
 * Changes at given rates.
 */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { type ChurnRates, makeChurn, parseChurnRates } from "../src/Churn.ts"
import { makeWorld } from "../src/World.ts"

/** The list after so many steps, and what happened to it. */
const after = (steps: number, rates: ChurnRates, seed = "churn") => {
  const world = makeWorld({ sessions: 2000, seed })
  const churn = makeChurn(world, rates)
  for (let i = 0; i < steps; i++) churn.step()
  return { ids: world.ids(), records: world.slice(0, 50), mutations: world.mutations() }
}

describe("churn", () => {
  const rates = { start: 0.05, end: 0.05, purge: 0.01, update: 0.2 }

  it("is the same for the same seed, and another for another", () => {
    assert.deepStrictEqual(after(500, rates), after(500, rates))
    assert.notDeepEqual(after(500, rates, "other").mutations, after(500, rates).mutations)
  })

  it("keeps to its rates", () => {
    const { end, purge, start, update } = after(4000, rates).mutations
    assert.closeTo(start / 4000, 0.05, 0.015)
    assert.closeTo(purge / 4000, 0.01, 0.006)
    assert.closeTo(end / 4000, 0.05, 0.015)
    assert.closeTo(update / 4000, 0.2, 0.03)
  })

  it("can be several changes a step, and none", () => {
    assert.deepStrictEqual(after(10, { start: 3 }).mutations, { start: 30, end: 0, purge: 0, update: 0 })
    assert.deepStrictEqual(after(10, {}).mutations, { start: 0, end: 0, purge: 0, update: 0 })
  })

  it("has a notation", () => {
    assert.deepStrictEqual(Result.getOrThrow(parseChurnRates("start=0.05, end=2")), { start: 0.05, end: 2 })
    for (const text of ["", "start", "start=", "start=-1", "begin=1", "start=1,start=2"]) {
      assert.match(Result.getOrThrow(Result.flip(parseChurnRates(text))), /for example|give it once/)
    }
  })
})

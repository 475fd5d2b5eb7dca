/**
 * Changes to the list at given rates, the same ones every time for the same seed.
 */
import * as Result from "effect/Result"
import { parsePairs } from "./internal/parse.ts"
import { makeRng } from "./Rng.ts"
import { type MutationKind, mutationKinds, type World } from "./World.ts"

/** Mean number of changes of each kind in one step; absent is 0, and above 1 means several a step. */
export type ChurnRates = { readonly [K in MutationKind]?: number | undefined }

/** Changes a world step by step. */
export interface Churn {
  /** Makes the changes of the next step. */
  readonly step: () => void
}

/** Makes the churn of a world; its steps depend on the world's seed and the rates alone. */
export const makeChurn = (world: World, rates: ChurnRates): Churn => {
  const rng = makeRng(`${world.seed}/churn`)
  let steps = 0
  return {
    step: () => {
      const index = steps++
      for (const [field, kind] of mutationKinds.entries()) {
        const rate = rates[kind] ?? 0
        const times = Math.floor(rate) + (rng.fraction(index, field) < rate % 1 ? 1 : 0)
        for (let i = 0; i < times; i++) world.mutate(kind)
      }
    }
  }
}

/** Reads rates such as `start=0.05,end=0.05,purge=0.01`; fails with what is wrong and what is allowed. */
export const parseChurnRates = (text: string): Result.Result<ChurnRates, string> =>
  parsePairs(text, { names: mutationKinds, max: Number.MAX_SAFE_INTEGER, example: "start=0.05,end=0.05,purge=0.01" })

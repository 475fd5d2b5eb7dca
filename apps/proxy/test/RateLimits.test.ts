import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { RateLimits } from "../src/access/RateLimits.ts"
import { anonymous } from "../src/access/Token.ts"

it.effect("an answer tells the limit that holds now, also where the file of the tokens has changed it", () =>
  Effect.sync(() => {
    const limits = new RateLimits({ rate: 5, burst: 10 })
    const told = (rate: number | undefined): ReadonlyArray<string> => {
      const common: Array<string> = []
      limits.check({ common }, { ...anonymous, rate }, () => 0)
      return common
    }
    assert.deepStrictEqual(told(undefined), ["ratelimit-policy", '"token";q=10;w=2', "ratelimit", '"token";r=9;t=1'])
    assert.deepStrictEqual(told(1), ["ratelimit-policy", '"token";q=2;w=2', "ratelimit", '"token";r=1;t=1'])
    assert.deepStrictEqual(told(0), [])
    assert.deepStrictEqual(told(undefined).slice(0, 2), ["ratelimit-policy", '"token";q=10;w=2'])
  })
)

/**
 * Times in the notation of the command line.
 */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { parseMillis, parseMillisRange } from "../src/internal/parse.ts"

describe("a time", () => {
  it("has a unit, or is in milliseconds", () => {
    const times = ["20ms", "1.5s", "2m", "1h", "7", " 0s "].map((text) => Result.getOrThrow(parseMillis(text)))
    assert.deepStrictEqual(times, [20, 1500, 120_000, 3_600_000, 7, 0])
  })

  it("is rejected with an example", () => {
    for (const text of ["", "fast", "-1s", "1 s", "1d", "1e3"]) {
      assert.match(Result.getOrThrow(Result.flip(parseMillis(text))), /for example 20ms$/)
    }
  })
})

describe("a range of times", () => {
  it("has two ends, or one", () => {
    assert.deepStrictEqual(Result.getOrThrow(parseMillisRange("20ms..1s")), [20, 1000])
    assert.deepStrictEqual(Result.getOrThrow(parseMillisRange("5ms")), [5, 5])
  })

  it("is rejected with a way out", () => {
    for (const text of ["2s..1s", "1s..2s..3s", "..1s", "1s.."]) {
      assert.match(Result.getOrThrow(Result.flip(parseMillisRange(text))), /; (use|write) /)
    }
  })
})

/**
 * The bounds of a read, in every spelling that is clear, and in none that is not.
 */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { createSessionsClient } from "../src/promise.ts"
import { InvalidTime, parseTime } from "../src/parseTime.ts"
import { toEpochMillis } from "../src/Timestamp.ts"
import times from "./fixtures/times.json" with { type: "json" }

describe("parseTime", () => {
  for (const [text = "", iso] of times.accepted) {
    it(`reads ${JSON.stringify(text)}`, () =>
      assert.strictEqual(new Date(Result.getOrThrow(parseTime(text))).toISOString(), iso))
  }

  for (const [text = "", reason = ""] of times.rejected) {
    it(`rejects ${JSON.stringify(text)} with the reason`, () => {
      const error = Result.getOrThrow(Result.flip(parseTime(text)))
      assert.instanceOf(error, InvalidTime)
      assert.include(error.message, reason)
      assert.include(error.message, "ISO 8601")
      assert.include(error.message, "epoch milliseconds")
    })
  }

  it("reads every millisecond as Timestamp does, in both forms", () => {
    const random = (seed: number) => Math.abs(Math.sin(seed) * 4e12)
    for (let seed = 1; seed <= 2000; seed += 1) {
      const millis = Math.floor(1e12 + random(seed))
      for (const text of [String(millis), new Date(millis).toISOString()]) {
        assert.strictEqual(Result.getOrThrow(parseTime(text)), toEpochMillis(text), text)
      }
    }
  })
})

describe("the bounds of a read", () => {
  const client = createSessionsClient({ apiKey: "key-1", baseUrl: "http://127.0.0.1:1" })

  for (const [text = "", reason = ""] of times.rejected) {
    it(`${JSON.stringify(text)} is a TypeError with the reason`, () => {
      for (const name of ["since", "until"]) {
        assert.throws(
          () => client.sessions({ [name]: text }),
          TypeError,
          new RegExp(`^${name} must be a Date, ISO 8601`)
        )
        if (reason === "1769851800000") continue
        assert.throws(() => client.sessions({ [name]: text }), TypeError, reason)
      }
    })
  }

  for (const [number, reason] of [
    [1_790_000_000, "not 1790000000: it looks like seconds; in milliseconds it is 1790000000000"],
    [1_790_000_000.5, "it looks like seconds"],
    [-1_790_000_000, "it looks like seconds"],
    [1_769_851_800_000_000, "it looks like microseconds"],
    [1_769_851_800_000_000_000, "epoch milliseconds"],
    [20_260_131, "it must be written 2026-01-31"],
    [2026, "it must be written 2026-01-01"]
  ] as const) {
    it(`the number ${number} is a TypeError with the reason`, () =>
      assert.throws(() => client.sessions({ since: number }), TypeError, reason))
  }

  it("must be in order", () => {
    for (const [since, until] of [
      ["2026-01-31", "2026-01-30"],
      ["2026-01-31", "2026-01-31T00:00Z"],
      [new Date("2026-01-31"), 1_769_000_000_000]
    ] as const) {
      assert.throws(() => client.sessions({ since, until }), TypeError, "until must be after since")
    }
  })
})

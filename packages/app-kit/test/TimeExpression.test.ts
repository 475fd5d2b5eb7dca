import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { TestClock } from "effect/testing"
import times from "../../core/test/fixtures/times.json" with { type: "json" }
import * as TimeExpression from "../src/TimeExpression.ts"

const NOW = Date.parse("2026-03-10T15:30:45.678Z")

const iso = (text: string) => Result.map(TimeExpression.parseAt(text, NOW), (millis) => new Date(millis).toISOString())

describe("TimeExpression", () => {
  for (const [text, expected] of [
    ["now", "2026-03-10T15:30:45.678Z"],
    ["today", "2026-03-10T00:00:00.000Z"],
    ["Yesterday", "2026-03-09T00:00:00.000Z"],
    ["90s", "2026-03-10T15:29:15.678Z"],
    ["90m", "2026-03-10T14:00:45.678Z"],
    ["24h", "2026-03-09T15:30:45.678Z"],
    ["1.5h", "2026-03-10T14:00:45.678Z"],
    ["7d", "2026-03-03T15:30:45.678Z"],
    [" 2w ", "2026-02-24T15:30:45.678Z"],
    ["2026-01", "2026-01-01T00:00:00.000Z"],
    ["2024-02-29", "2024-02-29T00:00:00.000Z"],
    ["2026-01-31T09:30", "2026-01-31T09:30:00.000Z"],
    ["2026-01-31 09:30:15", "2026-01-31T09:30:15.000Z"],
    ["2026-01-31T09:30:15.25Z", "2026-01-31T09:30:15.250Z"],
    ["2026-01-31T09:30+02:00", "2026-01-31T07:30:00.000Z"]
  ] as const) {
    it(`reads ${JSON.stringify(text)}`, () => assert.deepStrictEqual(iso(text), Result.succeed(expected)))
  }

  for (const text of ["", "7", "d", "7 days", "-7d", "tomorrow", "2026-02-29", "2026-13-01", "2026-00", "31.01.2026"]) {
    it(`rejects ${JSON.stringify(text)}, and says what it takes`, () => {
      const error = Result.getOrThrow(Result.flip(TimeExpression.parseAt(text, NOW)))
      assert.strictEqual(error.exitCode, 2)
      assert.isTrue(error.message.startsWith(`${JSON.stringify(text)} is not a time`))
      assert.include(error.message, "7d")
    })
  }

  for (const [text = "", expected = ""] of times.accepted) {
    it(`reads ${JSON.stringify(text)} as core does`, () => assert.deepStrictEqual(iso(text), Result.succeed(expected)))
  }

  const tooLong = [
    ["99999999999999999999d", "too long ago"],
    ["60000d", "too long ago"]
  ]
  for (const [text = "", reason = ""] of [...times.rejected, ...tooLong]) {
    it(`rejects ${JSON.stringify(text)} with the reason`, () => {
      const { exitCode, message } = Result.getOrThrow(Result.flip(TimeExpression.parseAt(text, NOW)))
      assert.strictEqual(exitCode, 2)
      assert.include(message, reason)
      assert.match(message, /^"[^\n]* is not a time[:;] .*give an age such as .* ISO 8601 .* epoch milliseconds/)
    })
  }

  it.effect("is relative to the clock", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(NOW)
      assert.strictEqual(yield* TimeExpression.parse("24h"), NOW - 86_400_000)
      assert.include((yield* Effect.flip(TimeExpression.parse("soon"))).message, '"soon" is not a time')
    })
  )
})

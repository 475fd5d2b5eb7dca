import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { SessionsError, SessionsErrorReason } from "../src/SessionsError.ts"

describe("SessionsError", () => {
  it.effect.prop("survives being written as JSON and read back", [SessionsError], ([error]) =>
    Effect.gen(function* () {
      const json = JSON.stringify(yield* Schema.encodeEffect(SessionsError)(error))
      const back = yield* Schema.decodeUnknownEffect(SessionsError)(JSON.parse(json))
      assert.strictEqual(back.message, error.message)
      assert.strictEqual(back.isRetryable, error.isRetryable)
      assert.deepStrictEqual(yield* Schema.encodeEffect(SessionsError)(back), JSON.parse(json))
    })
  )

  it.effect.prop(
    "says something in every case, on one line where the server's text is",
    [SessionsErrorReason],
    ([reason]) =>
      Effect.sync(() => {
        const error = new SessionsError({ page: 7, reason })
        assert.isTrue(error.message.startsWith("page 7: "))
        assert.isAbove(error.message.length, "page 7: ".length + 10)
      })
  )
})

/**
 * A client that does not stop asking although it is rejected, and a good one beside it.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { createToken, eventually, start } from "./support/Proxy.ts"

const simulated = <A, E>(test: Effect.Effect<A, E, Simulator | import("effect").Scope.Scope>) =>
  test.pipe(Effect.scoped, Effect.provide(Simulator.layer({ sessions: 100, seed: "flood" })))

it.live("a flood of rejected requests is answered late, and all others before that", () =>
  simulated(
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator, ["--rate", "0"])
      const flooder = yield* createToken(proxy.tokensFile, "flooder", { rate: 0.01 })
      const ask = (secret: string) =>
        fetch(`${proxy.url}/api/sessions`, { headers: { "x-api-key": secret } }).then(async (response) => {
          await response.text()
          return response.status
        })
      yield* eventually(
        Effect.promise(() => ask(flooder)),
        (status) => status === 200
      )
      for (const [secret, expected] of [
        [flooder, 429],
        ["guess", 429]
      ] as const) {
        // The first are rejected at once.
        yield* Effect.promise(() => Promise.all(Array.from({ length: secret === "guess" ? 10 : 1 }, () => ask(secret))))
        const order: Array<string> = []
        const late = ask(secret).then((status) => {
          order.push("late")
          return status
        })
        for (let turn = 0; turn < 3; turn++) {
          assert.strictEqual(yield* Effect.promise(() => ask(proxy.token)), 200)
          order.push("good")
        }
        assert.strictEqual(yield* Effect.promise(() => late), expected)
        assert.deepStrictEqual(order, ["good", "good", "good", "late"])
      }
    })
  )
)

/**
 * `hb-sessions-proxy token revoke`
 */
import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { stateOf } from "../../access/Token.ts"
import { isCalled, notFound, which, withTokens } from "./options.ts"
import * as TokensPlace from "./TokensPlace.ts"

export const revoke = Command.make(
  "revoke",
  { name: which, ...TokensPlace.placeFlags },
  Effect.fn("token revoke")(function* (options) {
    const now = yield* Clock.currentTimeMillis
    const place = yield* TokensPlace.find(options)
    const ids = yield* place.update((known) => {
      const hit = known.tokens.filter((record) => isCalled(record, options.name) && stateOf(record, now) === "active")
      const tokens = known.tokens.map((record) => (hit.includes(record) ? { ...record, revokedAt: now } : record))
      return hit.length === 0
        ? Effect.fail(notFound(options.name))
        : Effect.succeed([hit.map((record) => record.id), withTokens(known, tokens)] as const)
    })
    yield* Console.error(`revoked ${ids.join(", ")}; running servers notice within a second`)
  }, Effect.scoped)
).pipe(Command.withDescription("Revoke a token. Running servers notice within a second."))

/**
 * `hb-sessions-proxy token revoke`
 */
import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { stateOf } from "../../access/Token.ts"
import * as AuditLog from "../../access/AuditLog.ts"
import { auditFlags, auditLogOf, isCalled, notFound, which, withTokens } from "./options.ts"
import * as TokensPlace from "./TokensPlace.ts"

export const revoke = Command.make(
  "revoke",
  { name: which, ...auditFlags, ...TokensPlace.placeFlags },
  Effect.fn("token revoke")(function* (options) {
    const now = yield* Clock.currentTimeMillis
    const place = yield* TokensPlace.find(options)
    const file = yield* auditLogOf(options)
    const change = (announce: AuditLog.Announce) =>
      place
        .update((known) => {
          const hit = known.tokens.filter(
            (record) => isCalled(record, options.name) && stateOf(record, now) === "active"
          )
          const tokens = known.tokens.map((record) => (hit.includes(record) ? { ...record, revokedAt: now } : record))
          return hit.length === 0
            ? Effect.fail(notFound(options.name))
            : Effect.as(announce(hit.map((record) => ({ action: "revoke", record }))), [
                hit.map((record) => record.id),
                withTokens(known, tokens)
              ] as const)
        })
        .pipe(Effect.tap((ids) => Console.error(`revoked ${ids.join(", ")}; running servers notice within a second`)))
    yield* AuditLog.announced({ file, isNeeded: false }, change)
  }, Effect.scoped)
).pipe(Command.withDescription("Revoke a token. Running servers notice within a second."))

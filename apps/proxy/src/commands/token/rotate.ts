/**
 * `hb-sessions-proxy token rotate`
 */
import * as Setting from "@hb-sessions/app-kit/Setting"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Overlap } from "../../settings/SettingValues.ts"
import { generate, stateOf, type TokenRecord } from "../../access/Token.ts"
import * as AuditLog from "../../access/AuditLog.ts"
import { auditFlags, auditLogOf, expires, isCalled, notFound, told, which, withTokens } from "./options.ts"
import * as TokensPlace from "./TokensPlace.ts"

const overlap = Setting.textFlag("overlap", Overlap).pipe(
  Flag.withMetavar("duration"),
  Flag.withDescription("How long the old token stays valid, such as 24h (default: 0s)"),
  Flag.withDefault(Duration.zero)
)

export const rotate = Command.make(
  "rotate",
  { name: which, overlap, expires, ...auditFlags, ...TokensPlace.placeFlags },
  Effect.fn("token rotate")(function* (options) {
    const now = yield* Clock.currentTimeMillis
    const place = yield* TokensPlace.find(options)
    const end = now + Duration.toMillis(options.overlap)
    const ended = ({ overlapUntil = end }: TokenRecord) =>
      end === now ? { revokedAt: now } : { overlapUntil: Math.min(end, overlapUntil) }
    const file = yield* auditLogOf(options)
    const change = (announce: AuditLog.Announce) =>
      place.update((known) => {
        const old = known.tokens.findLast(
          (record) => isCalled(record, options.name) && stateOf(record, now) === "active"
        )
        if (old === undefined) return Effect.fail(notFound(options.name))
        const { id: _id, overlapUntil: _overlapUntil, sha256: _sha256, ...kept } = old
        const expiresAt = Option.match(options.expires, {
          // As long again as the old one had.
          onNone: () => (old.expiresAt === undefined ? undefined : now + (old.expiresAt - old.createdAt)),
          onSome: (duration) => now + Duration.toMillis(duration)
        })
        const { expiresAt: _expiresAt, ...rest } = kept
        const made = generate({ ...rest, createdAt: now, ...(expiresAt === undefined ? {} : { expiresAt }) })
        const replaced = known.tokens.filter((record) => record.name === old.name && stateOf(record, now) === "active")
        const tokens = known.tokens.map((record) =>
          replaced.includes(record) ? { ...record, ...ended(record) } : record
        )
        const replaces = { ids: replaced.map(({ id }) => id), until: end }
        return Effect.as(announce([{ action: "rotate", record: made.record, replaces }]), [
          made.token,
          withTokens(known, [...tokens, made.record])
        ] as const)
      })
    const token = yield* AuditLog.announced({ file, isNeeded: true }, change)
    yield* Console.log(token)
    yield* Console.error(told)
  }, Effect.scoped)
).pipe(
  Command.withDescription("Replace a token by a new one with the same name and rights, and print it."),
  Command.withExamples([
    {
      command: "hb-sessions-proxy token rotate --name team-a --overlap 24h --tokens-file tokens.json",
      description: "Give team-a a day to change over"
    }
  ])
)

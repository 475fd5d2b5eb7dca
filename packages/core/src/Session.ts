/**
 * Session records as the API returns them.
 *
 * Source: the vendor's contract of `GET /api/sessions`. The contract requires no field; here only `id` is required,
 * since a record without one can be neither recognised nor counted. Keys that the contract does not name are kept as
 * they came, at every level.
 */
import * as Schema from "effect/Schema"
import { LaunchState } from "./LaunchState.ts"
import { TimestampIso, TimestampMillis } from "./Timestamp.ts"

const Uuid = Schema.String.annotate({ format: "uuid" })

/** Schema for the id of a session: a UUID by the contract, any non-empty text in practice. */
export const SessionId = Uuid.check(Schema.isNonEmpty()).pipe(Schema.brand("SessionId"))
export type SessionId = typeof SessionId.Type

/** Schema for the id of the team that a session belongs to. */
export const TeamId = Uuid.pipe(Schema.brand("TeamId"))
export type TeamId = typeof TeamId.Type

const contractStatuses = ["active", "closed", "error"] as const

/** The statuses that the contract and the vendor's SDKs name. */
export const knownStatuses = [...contractStatuses, "close-error"] as const

/** Schema for the status of a session; a status that the contract does not know is kept as text. */
export const SessionStatus = Schema.Union([Schema.Literals(contractStatuses), Schema.StringForLiteralAutocomplete])
export type SessionStatus = typeof SessionStatus.Type

/**
 * Schema for one session.
 *
 * **Details**
 *
 * All times are epoch milliseconds (UTC). Encoding writes the contract's form: `startTime` and `endTime` as decimal
 * text, `createdAt` and `updatedAt` as ISO 8601.
 *
 * **Gotchas**
 *
 * Among the keys that the contract does not name the API may send some that grant access to a running browser, such as
 * `token`, `wsEndpoint` and `liveUrl`: `withoutSecrets` of `secretKeys` leaves them out.
 */
export const Session = Schema.StructWithRest(
  Schema.Struct({
    id: SessionId,
    teamId: Schema.optionalKey(TeamId),
    status: Schema.optionalKey(SessionStatus),
    startTime: Schema.optionalKey(Schema.NullOr(TimestampMillis)).annotateKey({
      description: "Start of the browser, epoch milliseconds; null or absent until it started"
    }),
    endTime: Schema.optionalKey(Schema.NullOr(TimestampMillis)).annotateKey({
      description: "End of the browser, epoch milliseconds; null or absent while it runs"
    }),
    createdAt: Schema.optionalKey(TimestampIso).annotateKey({
      description: "Creation of the record, ISO 8601"
    }),
    updatedAt: Schema.optionalKey(TimestampIso).annotateKey({
      description: "Last change of the record, ISO 8601"
    }),
    launchState: Schema.optionalKey(Schema.NullOr(LaunchState)),
    creditsUsed: Schema.optionalKey(Schema.NullOr(Schema.Finite)).annotateKey({
      description: "Credits spent so far; null or absent when not known yet"
    })
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
).annotate({ identifier: "Session" })
export type Session = typeof Session.Type

/**
 * Whether a session has ended: it has a status other than `active`, or an end. One without either may still run.
 *
 * An unknown status is an end, too, since the API calls what runs `active`.
 */
export const hasEnded = ({ endTime, status }: Pick<Session, "endTime" | "status">): boolean =>
  typeof endTime === "number" || (status !== undefined && status !== "active")

/** Whether a session is known to have ended without an error: its status is `closed`. No other status counts as success. */
export const hasEndedWell = ({ status }: Pick<Session, "status">): boolean => status === "closed"

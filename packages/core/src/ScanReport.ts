/**
 * What a read of the list tells about itself when it ends.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const NonNegativeInt = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** Schema for the claim that every session that was in the list during the whole read has been read. */
export const Proven = Schema.Struct({
  status: Schema.Literal("proven"),
  certificate: Schema.Literals(["moment", "count", "position"]).annotateKey({
    description:
      "`moment`: the whole list of one moment was read before and after it. `count`: as many sessions were read as the list held. `position`: the pages down to `since` leave no gap"
  }),
  assumption: Schema.String.annotateKey({ description: "What the proof takes for granted about the server" })
}).annotate({ identifier: "Proven" })
export type Proven = typeof Proven.Type

/**
 * Why a read proves nothing.
 *
 * **Details**
 *
 * - `fast`: the read was not asked for a proof.
 * - `no-total`: the server did not tell how many sessions there are.
 * - `unsettled`: the list changed faster than it could be read again; a larger page or more concurrency helps.
 * - `contradicted`: sessions came back into the list, or `totalCount` is wrong.
 * - `stopped-early`: the read ended at `since`, and it cannot be told whether sessions left the list above it.
 * - `unreadable-rows`: rows without a usable id read alike, so it cannot be told how many there are.
 */
export const UnprovenReason = Schema.Literals([
  "fast",
  "no-total",
  "unsettled",
  "contradicted",
  "stopped-early",
  "unreadable-rows"
])
export type UnprovenReason = typeof UnprovenReason.Type

/** Schema for the absence of a proof: sessions may be missing, and nothing says that they are. */
export const Unproven = Schema.Struct({
  status: Schema.Literal("unproven"),
  reason: UnprovenReason,
  detail: Schema.optionalKey(Schema.String).annotateKey({
    description: "What was seen, as a sentence for people; present when `reason` is `contradicted`"
  })
}).annotate({ identifier: "Unproven" })
export type Unproven = typeof Unproven.Type

/** Schema for what a read can say about its completeness. */
export const Completeness = Schema.Union([Proven, Unproven])
export type Completeness = typeof Completeness.Type

/** Schema for the report of one read. */
export const ScanReport = Schema.Struct({
  consistency: Schema.Literals(["verified", "fast"]).annotateKey({ description: "What was asked for" }),
  completeness: Completeness,
  passes: NonNegativeInt.annotateKey({ description: "Times that the list was read from its first page on" }),
  requests: NonNegativeInt.annotateKey({ description: "Pages asked for; the client's retries do not count" }),
  rowsRead: NonNegativeInt.annotateKey({ description: "Rows received, those of pages read again included" }),
  distinctRows: NonNegativeInt.annotateKey({
    description: "Different sessions received, those without a usable id apart"
  }),
  duplicatesDropped: NonNegativeInt.annotateKey({ description: "Rows received of sessions that were read before" }),
  emittedRows: NonNegativeInt.annotateKey({
    description: "Sessions emitted: those received, without those filtered out here or delivered before a resume"
  }),
  unreadableRows: NonNegativeInt.annotate({
    description: "Different rows received that are no sessions, as they have no usable id; they were handed over apart"
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed(0))),
  ignoredValues: Schema.Record(Schema.String, NonNegativeInt)
    .annotate({
      description:
        "Values that had no meaning and are absent from the sessions, by path, such as `launchState.useProxy`"
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  totalCountFirst: Schema.optionalKey(NonNegativeInt).annotateKey({
    description: "`totalCount` of the first response that had one; absent when none had"
  }),
  totalCountLast: Schema.optionalKey(NonNegativeInt).annotateKey({
    description: "`totalCount` of the last response that had one; absent when none had"
  }),
  driftSeen: Schema.Boolean.annotateKey({
    description: "Whether the list was seen to change: another total, a row twice in one pass, a row found late"
  }),
  pageSize: Schema.optionalKey(NonNegativeInt).annotateKey({
    description: "Sessions on a full page; absent when the server does not tell and the list is empty"
  }),
  order: Schema.Literals(["newest-first", "oldest-first", "other", "unknown"]).annotateKey({
    description: "Order of the list by `createdAt`, as observed; `unknown` when no two sessions differ"
  }),
  stoppedEarly: Schema.Boolean.annotateKey({
    description: "Whether the read ended at `since` because the list was newest first until there"
  }),
  resumed: Schema.Boolean.annotateKey({ description: "Whether the read began with a resume token" })
}).annotate({ identifier: "ScanReport" })
export type ScanReport = typeof ScanReport.Type

/**
 * What people are told of an export: the body of a POST to each notification URL.
 */
import * as Schema from "effect/Schema"
import type { Manifest } from "../publish/Manifest.ts"

/** The version of the notification schema that this program sends. */
export const schemaVersion = 1

/** What people can be told of. */
export const outcomes = ["failed", "unproven", "stale", "recovered", "succeeded"] as const
export type Outcome = (typeof outcomes)[number]

/** What they are told of unless they say otherwise. */
export const defaultOutcomes: ReadonlyArray<Outcome> = ["failed", "unproven", "stale", "recovered"]

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Seconds = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))
const Time = Schema.String.annotate({ format: "date-time" })

/** Schema for the generation that readers find. */
export const PublishedGeneration = Schema.Struct({
  generation: Count.annotateKey({ description: "Its number" }),
  rows: Count.annotateKey({ description: "Sessions that it wrote" }),
  currentRows: Count.annotateKey({ description: "Distinct sessions in the whole data, without those that have left" }),
  completeness: Schema.Literals(["proven", "unproven"]).annotateKey({ description: "Completeness of its read" }),
  ended: Time.annotateKey({ description: "When it was finished: the last success" })
}).annotate({ identifier: "PublishedGeneration" })
export type PublishedGeneration = typeof PublishedGeneration.Type

/** Schema for a notification. */
export const Notification = Schema.Struct({
  schemaVersion: Schema.Literal(schemaVersion),
  text: Schema.String.annotateKey({
    description: "All of it in one line for people, with `&`, `<` and `>` escaped as Slack wants them"
  }),
  outcome: Schema.Literals(outcomes).annotateKey({
    description:
      "`failed`: the run published nothing. `unproven`: it published, but its completeness is unproven. `stale`: no success for too long. `recovered`: the first success after one of these. `succeeded`: any other success"
  }),
  account: Schema.String.annotateKey({ description: "Name of the account, or of the export: `--name`, or `--out`" }),
  destination: Schema.optionalKey(Schema.String).annotateKey({
    description: "Where the export is published, as given; absent if the settings could not be read"
  }),
  message: Schema.String.annotateKey({ description: "What happened, in one line, as in the log" }),
  exitCode: Schema.optionalKey(Count).annotateKey({ description: "Exit code of the run; absent for `stale`" }),
  time: Time.annotateKey({ description: "When this was found" }),
  durationSeconds: Schema.optionalKey(Seconds).annotateKey({
    description: "Duration of the run; absent if none had begun"
  }),
  published: Schema.optionalKey(PublishedGeneration).annotateKey({
    description:
      "The generation that readers find now: that of the run if it succeeded, else an earlier one; absent for none, or if that could not be read"
  }),
  troubledSince: Schema.optionalKey(Time).annotateKey({
    description: "For `recovered`: when people were first told of what is over now"
  }),
  staleAfterSeconds: Schema.optionalKey(Seconds).annotateKey({ description: "For `stale`: `--stale-after`" }),
  version: Schema.String.annotateKey({ description: "Version of hb-sessions-export" })
}).annotate({ identifier: "Notification" })
export type Notification = typeof Notification.Type

/** A notification but for what every one has. */
export type Told = Omit<Notification, "schemaVersion" | "text" | "version">

/** The generation of a manifest. */
export const publishedOf = ({ completeness, current, ended, generation, sessions }: Manifest): PublishedGeneration => ({
  generation,
  rows: sessions,
  currentRows: current,
  completeness,
  ended
})

/** The text of a notification. */
export const textOf = (told: Told): string => escaped(`${told.account}: ${sentence(told)}`)

const sentence = (told: Told): string => {
  const { exitCode, message, outcome, published, troubledSince } = told
  const last =
    published === undefined
      ? ""
      : `; the last success is generation ${published.generation}, finished ${published.ended}`
  switch (outcome) {
    case "failed":
      return `the export failed with exit code ${exitCode ?? "unknown"}: ${message}${last}`
    case "stale":
      return `the export is stale: ${message}`
    case "recovered":
      return `the export works again${troubledSince === undefined ? "" : `, after problems since ${troubledSince}`}: ${message}`
    case "unproven":
    case "succeeded":
      return message
  }
}

/** In Slack, `<!channel>` calls everybody. */
const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

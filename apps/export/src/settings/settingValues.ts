/**
 * What the values of settings look like when they are typed.
 */
import * as TimeExpression from "@hb-sessions/app-kit/TimeExpression"
import { durationText } from "@hb-sessions/core/SettingText"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { outcomes } from "../operations/Notification.ts"

/** A hundred years: the bound of durations that are subtracted from a date. */
export const MAX_AGE = 36_500 * 86_400_000

/** Schema for durations that are subtracted from a date. */
export const Age = durationText({ max: MAX_AGE })

/** Schema for an `Age`, or `never`, which is infinite. */
export const AgeOrNever = Schema.Union([
  Schema.Literal("never").pipe(
    Schema.decodeTo(Schema.Duration, {
      decode: SchemaGetter.transform(() => Duration.infinity),
      encode: SchemaGetter.transform(() => "never" as const)
    })
  ),
  Age
])

const isPercent = Schema.isPattern(/^(100|\d{1,2}(\.\d+)?)%?$/, { expected: "a percentage from 0 to 100" })

/** Schema for a share, 0 to 1, as a percentage. */
export const Percent = Schema.String.check(isPercent).pipe(
  Schema.decodeTo(Schema.Finite, {
    decode: SchemaGetter.transform((text: string) => Number.parseFloat(text) / 100),
    encode: SchemaGetter.transform((share: number) => `${share * 100}%`)
  })
)

/** Schema for the name of a time zone, in the spelling that it was given in. */
export const TimeZone = Schema.String.check(
  Schema.makeFilter((name: string) =>
    TimeExpression.isTimeZone(name)
      ? true
      : `${JSON.stringify(name)} is not a time zone; give a name such as Europe/Paris or UTC`
  )
)

/** Schema for the names of outcomes, with commas between them. */
export const OutcomesText = Schema.String.pipe(
  Schema.decodeTo(Schema.Array(Schema.String), {
    decode: SchemaGetter.transform((given: string) => given.split(",").map((name) => name.trim())),
    encode: SchemaGetter.transform((names: ReadonlyArray<string>) => names.join())
  }),
  Schema.decodeTo(
    Schema.Array(Schema.Literals(outcomes)).annotate({ message: `expected one or several of ${outcomes.join()}` })
  )
)

/** Schema for a digest as it is printed. */
export const Sha256 = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{64}$/, { expected: "64 hexadecimal digits, as printed by run and verify" })
)

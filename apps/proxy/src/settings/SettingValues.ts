/**
 * What the values of settings look like when they are typed.
 */
import { countText, durationText, sizeText } from "@hb-sessions/core/SettingText"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"

/** Schema for durations that may be none. */
export const DurationText = durationText()

/** Schema for limits of time: none would be no time at all, or for a server no limit. */
export const TimeLimit = durationText({ min: 1 })

/** Schema for how long tokens hold without their file: longer than it takes to look at it a few times. */
export const StaleTokens = durationText({ min: 2000 })

const CENTURY = 36_500 * 86_400_000

/** Schema for how long a token can be used. */
export const Lifetime = durationText({ min: 1, max: CENTURY })

/** Schema for how long a token can be used beside the one that takes its place. */
export const Overlap = durationText({ max: CENTURY })

/** Schema for ports; 0 takes a free one. */
export const Port = countText({ max: 65_535 })
/** Schema for numbers of things. */
export const Count = countText({ min: 1 })

/** Schema for bytes, such as `64m`. */
export const Size = sizeText()

/** Schema for origins, separated by commas. */
export const Origins = Schema.String.pipe(
  Schema.decodeTo(Schema.Array(Schema.String), {
    decode: SchemaGetter.transformEffect((text: string, options) => {
      const origins = text
        .split(",")
        .map((origin) => origin.trim())
        .filter((origin) => origin !== "")
      return origins.every(
        (origin) => Result.isSuccess(Result.try(() => new URL(origin))) && new URL(origin).origin === origin
      )
        ? Effect.succeed(origins)
        : Effect.fail(
            new SchemaIssue.InvalidValue(
              { expected: "origins such as https://app.example, separated by commas" },
              text,
              options
            )
          )
    }),
    encode: SchemaGetter.transform((origins: ReadonlyArray<string>) => origins.join(","))
  })
)

const NAME = /^[a-z0-9._:[\]-]+$/i

/** Schema for names of hosts, separated by commas. */
export const Names = Schema.String.pipe(
  Schema.decodeTo(Schema.Array(Schema.String), {
    decode: SchemaGetter.transformEffect((text: string, options) => {
      const names = text
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== "")
      return names.every((name) => NAME.test(name))
        ? Effect.succeed(names)
        : Effect.fail(
            new SchemaIssue.InvalidValue(
              { expected: "names such as proxy.internal, separated by commas" },
              text,
              options
            )
          )
    }),
    encode: SchemaGetter.transform((names: ReadonlyArray<string>) => names.join(","))
  })
)

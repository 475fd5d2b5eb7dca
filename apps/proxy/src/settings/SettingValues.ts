/**
 * What the values of settings look like when they are typed.
 */
import { UNIX } from "../http/ClientAddress.ts"
import { parseNetwork } from "../http/IpAddress.ts"
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

const noPort: number | undefined = undefined

/** Schema for ports, or `none`. */
export const PortOrNone: Schema.Codec<number | undefined, string> = Schema.String.pipe(
  Schema.decodeTo(Schema.UndefinedOr(Schema.toType(Port)), {
    decode: SchemaGetter.transformEffect((text: string) =>
      text === "none" ? Effect.succeed(noPort) : Effect.mapError(Schema.decodeEffect(Port)(text), ({ issue }) => issue)
    ),
    encode: SchemaGetter.transform((port: number | undefined) => (port === undefined ? "none" : String(port)))
  })
)

/** Schema for permissions of a file, in octal digits. */
export const Mode = Schema.String.check(
  Schema.isPattern(/^0?[0-7]{3}$/, { expected: "permissions in octal digits, such as 0660" })
).pipe(
  Schema.decodeTo(Schema.Int, {
    decode: SchemaGetter.transform((text: string) => Number.parseInt(text, 8)),
    encode: SchemaGetter.transform((mode: number) => mode.toString(8).padStart(4, "0"))
  })
)

/** Schema for numbers of things. */
export const Count = countText({ min: 1 })

/** Schema for bytes, such as `64m`. */
export const Size = sizeText()

/** Texts separated by commas, each of which is what is expected. */
const listOf = (isOne: (text: string) => boolean, expected: string) =>
  Schema.String.pipe(
    Schema.decodeTo(Schema.Array(Schema.String), {
      decode: SchemaGetter.transformEffect((text: string, options) => {
        const parts = text
          .split(",")
          .map((part) => part.trim())
          .filter((part) => part !== "")
        return parts.every(isOne)
          ? Effect.succeed(parts)
          : Effect.fail(new SchemaIssue.InvalidValue({ expected: `${expected}, separated by commas` }, text, options))
      }),
      encode: SchemaGetter.transform((parts: ReadonlyArray<string>) => parts.join(","))
    })
  )

/** Schema for origins, separated by commas. */
export const Origins = listOf(
  (origin) => Result.isSuccess(Result.try(() => new URL(origin))) && new URL(origin).origin === origin,
  "origins such as https://app.example"
)

const NAME = /^[a-z0-9._:[\]-]+$/i

/** Schema for names of hosts, separated by commas. */
export const Names = listOf((name) => NAME.test(name), "names such as proxy.internal")

/** Schema for proxies in front, separated by commas. */
export const Proxies = listOf(
  (text) => text === UNIX || parseNetwork(text) !== undefined,
  "addresses, networks such as 10.0.0.0/8 without bits set beyond their prefix, or unix"
)

/**
 * The columns that were asked for: which they are, and what to say when sessions have none of one, or more than all.
 */
import { ColumnChooser, held } from "@hb-sessions/core/ColumnChooser"
import { type Column, everything, parseColumns, suggestionFor } from "@hb-sessions/core/SessionsColumns"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { ListInput } from "../list.ts"
import type { Encoder, EncoderOptions, MakeEncoder } from "../../output/formats/Encoder.ts"
import type { FormatName } from "../../settings/settings.ts"
import { Diagnostics } from "../../output/Diagnostics.ts"
import { counted } from "../../output/text.ts"
import type { Chunks } from "./Chunk.ts"
import { usage } from "../../settings/usage.ts"

/** Formats that name their columns once, before the rows. */
const withHeader: ReadonlySet<FormatName> = new Set(["csv", "tsv", "table"] as const)

/** More names than this help no reader. */
const MOST_NAMES = 10

/** The columns of `--columns`, and what watches them. */
export interface Chosen {
  readonly columns: ReadonlyArray<Column> | undefined
  readonly chooser: ColumnChooser | undefined
  /** Whether the columns are unknown until rows are read; then no other run can continue the output. */
  readonly isOpen: boolean
}

/** Nothing to watch. */
export const none: Chosen = { columns: undefined, chooser: undefined, isOpen: false }

/** Watches whether any session has a column. */
export const watching = (column: Column): Chosen => ({ ...none, chooser: new ColumnChooser([column]) })

/** Reads `--columns`. */
export const choose = Effect.fnUntraced(function* (input: ListInput, format: FormatName) {
  if (Option.isNone(input.columns)) return none
  const columns = yield* Effect.fromResult(
    Result.mapError(parseColumns(input.columns.value), ({ message }) => usage(`--columns: ${message}`))
  )
  const isOpen = columns.includes(everything) && withHeader.has(format)
  const resume = Option.isSome(input.resume)
    ? "--resume"
    : Option.isSome(input.resumeFile)
      ? "--resume-file"
      : undefined
  if (isOpen && resume !== undefined) {
    return yield* usage(
      `--columns with * and ${resume} cannot be combined in ${format}, since no run knows the columns of another; name the columns, or add --format ndjson`
    )
  }
  // A record without a header has all that there is.
  const watched = withHeader.has(format) ? columns : columns.filter((name) => name !== everything)
  const chosen: Chosen = { columns, chooser: watched.length === 0 ? undefined : new ColumnChooser(watched), isOpen }
  return chosen
})

/** The chunks, of which the first are one when it takes them to know the columns. */
export const watched = (chunks: Chunks, { chooser }: Chosen): Chunks =>
  chooser === undefined
    ? chunks
    : chunks.pipe(
        held(chooser, ({ sessions }) => sessions),
        Stream.map((group) => {
          const last = group.at(-1)
          return {
            ...last,
            sessions: group.length === 1 ? (last?.sessions ?? []) : group.flatMap((each) => each.sessions)
          }
        })
      )

/** Makes the encoder when the columns are known, which is when the first rows come or there are none. */
export const encoderOf = (
  make: MakeEncoder,
  options: Omit<EncoderOptions, "columns">,
  { chooser, columns, isOpen }: Chosen
): Encoder => {
  let made: Encoder | undefined
  const encoder = () => (made ??= make({ ...options, columns: isOpen ? chooser?.columns : columns }))
  return { rows: (sessions) => encoder().rows(sessions), end: () => encoder().end() }
}

/** Reports the columns that no session had, and the keys that have no column. */
export const sayMissing = Effect.fnUntraced(function* (...chosen: ReadonlyArray<Chosen>) {
  const diagnostics = yield* Diagnostics
  const reports = chosen.flatMap(({ chooser }) => chooser?.report ?? [])
  for (const column of new Set(reports.flatMap(({ empty }) => empty))) {
    const meant = suggestionFor(column)
    const hint = meant === undefined ? "" : `; did you mean ${JSON.stringify(meant)}?`
    yield* diagnostics.say(`no session has ${JSON.stringify(column)}${hint}`, { column })
  }
  const leftOut = reports.flatMap((report) => report.leftOut)
  if (leftOut.length === 0) return
  const names = leftOut.slice(0, MOST_NAMES).map((name) => JSON.stringify(name))
  const more = leftOut.length > MOST_NAMES ? " and others" : ""
  yield* diagnostics.warn(
    `no column has ${counted(leftOut.length, "key")} that came after the first 1,000 sessions, or after 500 columns: ${names.join(", ")}${more}; name them in --columns, or add --format ndjson`,
    { leftOut }
  )
})

/**
 * Sessions as CSV (RFC 4180): one line a session, one column a field of the contract, or any other path.
 *
 * **Details**
 *
 * Columns have the names of the contract's fields, nested ones joined by dots (`launchState.screen.width`); those of
 * other keys are as `SessionsColumns` has them. Times of the contract are ISO 8601 in UTC, with milliseconds; numbers and
 * booleans are written as in JSON, and as they were sent where JavaScript cannot hold them; objects and arrays are
 * compact JSON; what is null or absent is an empty cell. Lines end in CRLF. NUL, and half of a surrogate pair, become
 * U+FFFD, since readers reject them. No secret is written.
 */
import type * as Arr from "effect/Array"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Csv from "effect/encoding/Csv"
import { identity } from "effect/Function"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Stream from "effect/Stream"
import { ColumnChooser, type ColumnsReport, held } from "./ColumnChooser.ts"
import { sentValues } from "./internal/asSent.ts"
import { guard, isoWriter, quote, unguard } from "./internal/csv.ts"
import { timeReader } from "./internal/decodePageTime.ts"
import { valuesAt } from "./internal/valuesAt.ts"
import { firstProblem } from "./firstProblem.ts"
import { SolverType } from "./LaunchState.ts"
import { type Session, SessionId, SessionStatus, TeamId } from "./Session.ts"
import {
  checkColumns,
  type Column,
  type ColumnName,
  columns,
  expandColumns,
  InvalidColumns,
  isContractColumn,
  parseColumns,
  reader
} from "./SessionsColumns.ts"
import { ExactNumber, toJson } from "./SessionsNdjson.ts"
import { TimestampIso } from "./Timestamp.ts"

const Text = Schema.optionalKey(Schema.String)
const Flag = Schema.optionalKey(Schema.Boolean)
const Amount = Schema.optionalKey(Schema.Finite)
const Time = Schema.optionalKey(
  Schema.String.pipe(
    Schema.decodeTo(
      TimestampIso,
      SchemaTransformation.transform({ decode: (text): string | number => text, encode: String })
    )
  )
)

const fields = {
  id: Schema.optionalKey(SessionId),
  teamId: Schema.optionalKey(TeamId),
  status: Schema.optionalKey(SessionStatus),
  createdAt: Time,
  startTime: Time,
  endTime: Time,
  updatedAt: Time,
  creditsUsed: Amount,
  "launchState.useUltraStealth": Flag,
  "launchState.useStealth": Flag,
  "launchState.useProxy": Flag,
  "launchState.solveCaptchas": Flag,
  "launchState.solverType": Schema.optionalKey(SolverType),
  "launchState.adblock": Flag,
  "launchState.trackers": Flag,
  "launchState.annoyances": Flag,
  "launchState.screen.width": Amount,
  "launchState.screen.height": Amount,
  "launchState.enableWebRecording": Flag,
  "launchState.enableVideoWebRecording": Flag,
  "launchState.enableLogCapture": Flag,
  "launchState.acceptCookies": Flag,
  "launchState.profile.id": Text,
  "launchState.profile.persistChanges": Flag,
  "launchState.profile.persistNetworkCache": Flag,
  "launchState.staticIpId": Text,
  "launchState.saveDownloads": Flag,
  "launchState.enableWindowManager": Flag,
  "launchState.enableWindowManagerTaskbar": Flag,
  "launchState.viewOnlyLiveView": Flag,
  "launchState.disablePasswordManager": Flag,
  "launchState.enableAlwaysOpenPdfExternally": Flag,
  "launchState.disablePostQuantumKeyAgreement": Flag
} satisfies Record<ColumnName, Schema.Top>

const ContractRow = Schema.Struct(fields)

/**
 * Schema for one line, keyed by the names of the columns: times of the contract are epoch milliseconds, empty cells are
 * absent keys. What is outside the contract is text.
 */
export const SessionRow = Schema.StructWithRest(ContractRow, [Schema.Record(Schema.String, Schema.Unknown)]).annotate({
  identifier: "SessionRow"
})
export type SessionRow = typeof SessionRow.Type

export {
  /** The name of a column of the contract. */
  type ColumnName,
  /** Every column of the contract, in the order in which they are written. */
  columns,
  /** A list of columns cannot be used. */
  InvalidColumns,
  /** Reads a list of columns separated by commas. */
  parseColumns
}

/**
 * How text cells are written.
 *
 * **Details**
 *
 * `plain` writes them as they are. `spreadsheet` puts an apostrophe before text that a spreadsheet would run as a
 * formula; numbers, times and booleans never get one.
 */
export type Dialect = "plain" | "spreadsheet"

/** What of a session is written, and how. */
export interface CsvOptions {
  /** The columns, in order, as `SessionsColumns` has them; those of the contract by default. */
  readonly columns?: ReadonlyArray<Column> | undefined
  /** How text cells are written; `plain` by default. */
  readonly dialect?: Dialect | undefined
  /** Whether the text starts with a byte order mark, by which Excel recognises UTF-8; false by default. */
  readonly bom?: boolean | undefined
}

/** A text is not the CSV of sessions. */
export class CsvDecodeError extends Schema.TaggedError<CsvDecodeError>()("CsvDecodeError", {
  /** The record with the problem, 1-based; the header counts, empty lines do not. */
  record: Schema.Int,
  /** The column with the problem; absent when the record as a whole is wrong. */
  column: Schema.optionalKey(Schema.String),
  /** What is wrong; holds no value of a cell but a name in the header. */
  detail: Schema.String
}) {
  override get message() {
    return `CSV record ${this.record}${this.column === undefined ? "" : `, column ${this.column}`}: ${this.detail}`
  }
}

const CRLF = "\r\n"
const BOM = "\uFEFF"

/** The columns that are written; throws `InvalidColumns` for what `parseColumns` would reject. */
const columnsOf = (options: CsvOptions): ReadonlyArray<Column> =>
  options.columns === undefined ? columns : expandColumns(Result.getOrThrow(checkColumns(options.columns)), [])

const writerOf = ({ dialect }: CsvOptions) =>
  dialect === "spreadsheet" ? (value: string) => quote(guard(value)) : quote

/**
 * The first line, with its line end; after a byte order mark if the options ask for one.
 *
 * `*` stands for the columns of the contract here and in `encodeRows`: `ColumnChooser` replaces it before.
 */
export const header = (options: CsvOptions = {}): string =>
  `${options.bom === true ? BOM : ""}${columnsOf(options).map(writerOf(options)).join(",")}${CRLF}`

/**
 * Makes a function that writes sessions as lines, each with its line end, without the header.
 *
 * **When to use**
 *
 * To write page by page; the function can be called any number of times.
 */
export const encodeRows = (options: CsvOptions = {}): ((sessions: ReadonlyArray<Session>) => string) => {
  const cells = columnsOf(options).map(cellOf)
  const valuesOf = valuesAt(cells.map(({ path }) => path))
  const text = writerOf(options)
  const time = isoWriter()
  // A line without a character would be no record to many readers.
  const blank = cells.length === 1 ? '""' : ""
  return (sessions) => {
    let lines = ""
    for (const session of sessions) {
      const values = valuesOf(session)
      const isExact = sentValues(session).some(({ kind }) => kind === "exact")
      let separator = ""
      for (const { isTime, path, place, read } of cells) {
        lines += separator
        separator = ","
        const value = path === undefined || (isExact && !isTime) ? read(session) : values[place]
        if (value === undefined || value === null || value === "") {
          lines += blank
        } else if (typeof value === "string") {
          lines += text(value)
        } else if (typeof value === "object") {
          lines += value instanceof ExactNumber ? value.text : text(toJson(value))
        } else {
          lines += isTime && typeof value === "number" ? time(value) : String(value)
        }
      }
      lines += CRLF
    }
    return lines
  }
}

/** Where a column of the contract is found; any other one by its reader alone. */
const cellOf = (name: Column, place: number) => {
  const isContract = isContractColumn(name)
  return {
    place,
    path: isContract ? name.split(".") : undefined,
    isTime: isContract && fields[name] === Time,
    read: reader(name)
  }
}

/** What a stream is written as, and who is told about what was not. */
export interface CsvStreamOptions<E = never, R = never> extends CsvOptions {
  /** Is run at the end with what the columns do not tell; a failure is one of the stream. */
  readonly onColumns?: ((report: ColumnsReport) => Effect.Effect<void, E, R>) | undefined
}

/**
 * Writes a stream as CSV: the header, then one text a chunk of sessions.
 *
 * **Details**
 *
 * The header comes with the first chunk, or alone when the stream ends without a session. A stream that fails before
 * its first session emits nothing. With `*` among the columns, the first 1,000 sessions are held until it is replaced.
 */
export const encode =
  <E2 = never, R2 = never>({ onColumns, ...options }: CsvStreamOptions<E2, R2> = {}) =>
  <E, R>(self: Stream.Stream<Session, E, R>): Stream.Stream<string, E | E2, R | R2> =>
    Stream.suspend(() => {
      const chooser = new ColumnChooser(options.columns ?? columns)
      let rows: ReturnType<typeof encodeRows> | undefined
      const write = (sessions: ReadonlyArray<Session>) => {
        if (rows !== undefined) return rows(sessions)
        const known = { ...options, columns: chooser.columns }
        rows = encodeRows(known)
        return header(known) + rows(sessions)
      }
      return self.pipe(
        Stream.mapArray((sessions): Arr.NonEmptyReadonlyArray<ReadonlyArray<Session>> => [sessions]),
        held(chooser, identity),
        Stream.map((chunks) => write(chunks.flat())),
        Stream.concat(Stream.suspend(() => (rows === undefined ? Stream.succeed(write([])) : Stream.empty))),
        Stream.concat(Stream.suspend(() => Stream.fromEffectDrain(onColumns?.(chooser.report) ?? Effect.void)))
      )
    })

/** How the text was written. */
export interface CsvDecodeOptions {
  /** How text cells were written; `plain` by default. */
  readonly dialect?: Dialect | undefined
}

/**
 * Reads CSV that `encode` wrote, in pieces of any size.
 *
 * **Details**
 *
 * The columns are those of the header, in any order. Empty cells become absent keys, so a text of length zero and a
 * null are not told apart from an absent key. Empty lines are skipped, a byte order mark and other line ends accepted.
 * Fails on a header with a repeated or secret name, on a line of another width, and on a cell that does not fit its
 * column. Cells of columns outside the contract are text as it is.
 */
export const decode =
  (options: CsvDecodeOptions = {}) =>
  <E, R>(self: Stream.Stream<string, E, R>): Stream.Stream<SessionRow, E | CsvDecodeError, R> =>
    Stream.suspend(() => {
      let names: ReadonlyArray<Column> | undefined
      let count = 0
      const read = Effect.fnUntraced(function* (records: ReadonlyArray<Csv.Row>) {
        const rows: Array<SessionRow> = []
        for (const cells of records) {
          count++
          if (names === undefined) names = yield* Effect.fromResult(readHeader(cells))
          else rows.push(yield* Effect.fromResult(readRow(names, cells, count, options.dialect)))
        }
        return [undefined, rows] as const
      })
      return self.pipe(
        Stream.pipeThroughChannelOrFail(
          Channel.mapError(Csv.decodeString<E>({ ignoreEmptyLines: true }), (error) =>
            Csv.isCsvError(error) ? fromCsvError(error) : error
          )
        ),
        Stream.mapAccumArrayEffect(
          () => undefined,
          (_, records) => read(records)
        ),
        Stream.concat(
          Stream.suspend(() =>
            names === undefined
              ? Stream.fail(new CsvDecodeError({ record: 1, detail: "there is no header" }))
              : Stream.empty
          )
        )
      )
    })

const readHeader = (names: ReadonlyArray<string>) =>
  Result.mapError(checkColumns(names), (error) => {
    const column = error.column === undefined ? {} : { column: error.column }
    return new CsvDecodeError({ record: 1, ...column, detail: error.message })
  })

const decodeRow = Schema.decodeUnknownResult(Schema.toCodecStringTree(ContractRow))

const readRow = (
  names: ReadonlyArray<Column>,
  cells: ReadonlyArray<string>,
  record: number,
  dialect: Dialect = "plain"
): Result.Result<SessionRow, CsvDecodeError> => {
  if (cells.length !== names.length) {
    const detail = `${names.length} cells expected, ${cells.length} found`
    return Result.fail(new CsvDecodeError({ record, detail }))
  }
  const texts = dialect === "spreadsheet" ? cells.map(unguard) : cells
  const row = {}
  if (readCells(names, texts, row)) return Result.succeed(row)
  const present = names.map((name, index) => [name, texts[index]] as const).filter(([, text]) => text !== "")
  const others = present.filter(([name]) => !isContractColumn(name))
  return Result.mapBoth(decodeRow(Object.fromEntries(present)), {
    onSuccess: (decoded) => ({ ...decoded, ...Object.fromEntries(others) }),
    onFailure: ({ issue }) => {
      const { detail, path: column } = firstProblem(issue)
      return new CsvDecodeError({ record, column, detail })
    }
  })
}

/**
 * Reads cells as `encode` writes them, many times as fast as the schema; false when one is written otherwise.
 *
 * What it does not recognise it leaves to the schema, so every failure is the schema's own.
 */
const readCells = (
  names: ReadonlyArray<Column>,
  cells: ReadonlyArray<string>,
  row: Record<string, unknown>
): row is SessionRow => {
  for (let index = 0; index < names.length; index++) {
    const name = names[index]
    const cell = cells[index]
    if (name === undefined || cell === undefined || cell === "") continue
    const value = isContractColumn(name) ? readCell(fields[name], cell) : cell
    if (value === undefined) return false
    // Unlike an assignment, this makes a key of `__proto__`.
    if (name === "__proto__") Object.defineProperty(row, name, { value, enumerable: true })
    else row[name] = value
  }
  return true
}

const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/

const readTime = timeReader()

const readCell = (field: Schema.Top, cell: string): string | number | boolean | undefined => {
  if (field === Flag) return cell === "true" || (cell === "false" ? false : undefined)
  if (field !== Time && field !== Amount) return cell
  const value = field === Time ? readTime(cell) : NUMBER.test(cell) ? Number(cell) : Number.NaN
  return Number.isFinite(value) ? value : undefined
}

const fromCsvError = ({ message, record }: Csv.CsvError) => new CsvDecodeError({ record, detail: message })

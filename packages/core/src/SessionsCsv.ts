/**
 * Sessions as CSV (RFC 4180): one line a session, one column a field of the contract.
 *
 * **Details**
 *
 * Columns have the names of the contract's fields, nested ones joined by dots (`launchState.screen.width`). Times are
 * ISO 8601 in UTC, with milliseconds; numbers and booleans are written as in JSON; what is null or absent is an empty
 * cell. Lines end in CRLF. NUL, and half of a surrogate pair, become U+FFFD, since readers reject them. Keys that the contract does not name are never columns, so no secret among them is written.
 */
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Csv from "effect/encoding/Csv"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Stream from "effect/Stream"
import { guard, isoWriter, nearest, quote, unguard } from "./internal/csv.ts"
import { timeReader } from "./internal/decodePageTime.ts"
import { firstProblem } from "./firstProblem.ts"
import { SolverType } from "./LaunchState.ts"
import { isSecretKey } from "./secretKeys.ts"
import { type Session, SessionId, SessionStatus, TeamId } from "./Session.ts"
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
}

/**
 * Schema for one line, keyed by the names of the columns: times are epoch milliseconds, empty cells are absent keys.
 */
export const SessionRow = Schema.Struct(fields).annotate({ identifier: "SessionRow" })
export type SessionRow = typeof SessionRow.Type

/** The name of a column. */
export type ColumnName = keyof typeof fields

const isColumn = (name: string): name is ColumnName => Object.hasOwn(fields, name)

/** Every column, in the order in which they are written; new ones are added at the end. */
export const columns: ReadonlyArray<ColumnName> = Object.keys(fields).filter(isColumn)

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
  /** The columns, in order; all of `columns` by default. */
  readonly columns?: ReadonlyArray<ColumnName> | undefined
  /** How text cells are written; `plain` by default. */
  readonly dialect?: Dialect | undefined
  /** Whether the text starts with a byte order mark, by which Excel recognises UTF-8; false by default. */
  readonly bom?: boolean | undefined
}

/** A list of columns cannot be used. */
export class InvalidColumns extends Schema.TaggedError<InvalidColumns>()("InvalidColumns", {
  /** `none`: the list is empty. `secret`: the column would hold a credential, so there is no such column. */
  problem: Schema.Literals(["none", "unknown", "secret", "repeated"]),
  /** The name as it was given; absent when the list is empty. */
  column: Schema.optionalKey(Schema.String),
  /** The column that was probably meant; absent when none is close. */
  suggestion: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    const name = JSON.stringify(this.column)
    switch (this.problem) {
      case "none":
        return `no column is named; the columns are ${columns.join(",")}`
      case "secret":
        return `${name} grants access to a running browser, so it is never a column`
      case "repeated":
        return `the column ${name} is named twice`
      case "unknown":
        return this.suggestion === undefined
          ? `there is no column ${name}; the columns are ${columns.join(",")}`
          : `there is no column ${name}; did you mean ${JSON.stringify(this.suggestion)}?`
    }
  }
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

/** Reads a list of columns separated by commas, such as `id,status,launchState.screen.width`. */
export const parseColumns = (text: string): Result.Result<ReadonlyArray<ColumnName>, InvalidColumns> => {
  const names = text.split(",").map((name) => name.trim())
  return checkColumns(names.filter((name) => name !== ""))
}

const checkColumns = (names: ReadonlyArray<string>): Result.Result<ReadonlyArray<ColumnName>, InvalidColumns> => {
  if (names.length === 0) return Result.fail(new InvalidColumns({ problem: "none" }))
  const found = new Set<ColumnName>()
  for (const column of names) {
    if (isSecretPath(column)) return Result.fail(new InvalidColumns({ problem: "secret", column }))
    if (!isColumn(column)) {
      const suggestion = nearest(column, columns)
      const suggested = suggestion === undefined ? {} : { suggestion }
      return Result.fail(new InvalidColumns({ problem: "unknown", column, ...suggested }))
    }
    if (found.has(column)) return Result.fail(new InvalidColumns({ problem: "repeated", column }))
    found.add(column)
  }
  return Result.succeed([...found])
}

/** No part of a secret value is written either. */
const isSecretPath = (column: string): boolean => column.split(".").some(isSecretKey)

const CRLF = "\r\n"
const BOM = "\uFEFF"

/** The first line, with its line end; after a byte order mark if the options ask for one. */
export const header = (options: CsvOptions = {}): string =>
  `${options.bom === true ? BOM : ""}${(options.columns ?? columns).join(",")}${CRLF}`

/**
 * Makes a function that writes sessions as lines, each with its line end, without the header.
 *
 * **When to use**
 *
 * To write page by page; the function can be called any number of times.
 */
export const encodeRows = (options: CsvOptions = {}): ((sessions: ReadonlyArray<Session>) => string) => {
  const cells = (options.columns ?? columns).map(place)
  const text = options.dialect === "spreadsheet" ? (value: string) => quote(guard(value)) : quote
  const time = isoWriter()
  // A line without a character would be no record to many readers.
  const blank = cells.length === 1 ? '""' : ""
  return (sessions) => {
    let lines = ""
    for (const session of sessions) {
      const launch = session.launchState ?? undefined
      const levels = [session, launch, launch?.screen, launch?.profile]
      let separator = ""
      for (const { key, kind, level } of cells) {
        lines += separator
        separator = ","
        const value = levels[level]?.[key]
        if (value === undefined || value === null || value === "") {
          lines += blank
        } else if (typeof value === "string") {
          lines += text(value)
        } else {
          lines += kind === "time" && typeof value === "number" ? time(value) : String(value)
        }
      }
      lines += CRLF
    }
    return lines
  }
}

/** Where a column is found: which of the nested objects, and under which key. */
const place = (name: ColumnName) => {
  const path = name.split(".")
  return {
    level: path.length < 3 ? path.length - 1 : path[1] === "screen" ? 2 : 3,
    key: path[path.length - 1] ?? "",
    kind: fields[name] === Time ? "time" : "other"
  }
}

/**
 * Writes a stream as CSV: the header, then one text a chunk of sessions.
 *
 * **Details**
 *
 * The header comes with the first chunk, or alone when the stream ends without a session. A stream that fails before
 * its first session emits nothing.
 */
export const encode =
  (options: CsvOptions = {}) =>
  <E, R>(self: Stream.Stream<Session, E, R>): Stream.Stream<string, E, R> =>
    Stream.suspend(() => {
      const rows = encodeRows(options)
      let head = header(options)
      const takeHead = () => {
        const text = head
        head = ""
        return text
      }
      return self.pipe(
        Stream.mapArray((sessions) => [takeHead() + rows(sessions)]),
        Stream.concat(Stream.suspend(() => (head === "" ? Stream.empty : Stream.succeed(takeHead()))))
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
 * Fails on a header with an unknown or repeated name, on a line of another width, and on a cell that does not fit its
 * column.
 */
export const decode =
  (options: CsvDecodeOptions = {}) =>
  <E, R>(self: Stream.Stream<string, E, R>): Stream.Stream<SessionRow, E | CsvDecodeError, R> =>
    Stream.suspend(() => {
      let names: ReadonlyArray<ColumnName> | undefined
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

const decodeRow = Schema.decodeUnknownResult(Schema.toCodecStringTree(SessionRow))

const readRow = (
  names: ReadonlyArray<ColumnName>,
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
  const present = names.map((name, index) => [name, texts[index]]).filter(([, text]) => text !== "")
  return Result.mapError(decodeRow(Object.fromEntries(present)), ({ issue }) => {
    const { detail, path: column } = firstProblem(issue)
    return new CsvDecodeError({ record, column, detail })
  })
}

/**
 * Reads cells as `encode` writes them, many times as fast as the schema; false when one is written otherwise.
 *
 * What it does not recognise it leaves to the schema, so every failure is the schema's own.
 */
const readCells = (
  names: ReadonlyArray<ColumnName>,
  cells: ReadonlyArray<string>,
  row: Record<string, unknown>
): row is SessionRow => {
  for (let index = 0; index < names.length; index++) {
    const name = names[index]
    const cell = cells[index]
    if (name === undefined || cell === undefined || cell === "") continue
    const value = readCell(fields[name], cell)
    if (value === undefined) return false
    row[name] = value
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

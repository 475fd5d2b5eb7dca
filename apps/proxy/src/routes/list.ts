/**
 * `GET /v1/sessions`: every session, page by page as they come, at the speed of the client.
 */
import { ColumnChooser, type ColumnsReport, held } from "@hb-sessions/core/ColumnChooser"
import { type Column, columns as contract, isContractColumn } from "@hb-sessions/core/SessionsColumns"
import { type CsvOptions, encodeRows as csvRows, header as csvHeader } from "@hb-sessions/core/SessionsCsv"
import { encodeRows as ndjsonRows, encodeSession } from "@hb-sessions/core/SessionsNdjson"
import { withoutSecrets } from "@hb-sessions/core/secretKeys"
import type { Session } from "@hb-sessions/core/Session"
import * as Sessions from "@hb-sessions/core/Sessions"
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Exchange } from "../http/Exchange.ts"
import { noCoding, reject } from "../http/Problem.ts"
import { type Format, mediaTypes, negotiate } from "../http/ContentNegotiation.ts"
import * as ReadQuery from "./ReadQuery.ts"
import type { Route, RouteOptions } from "./Route.ts"
import * as StatusAccess from "../access/StatusAccess.ts"

/** Tells behind the body whether it is proven complete: CSV has no other place for it. */
export const completenessTrailer = "hb-sessions-completeness"

/** Tells which of the columns no session had, and which keys `*` does not include. */
export const columnsTrailer = "hb-sessions-columns"

/** How a list is written: what precedes the rows, the rows of a page, and what follows. */
interface Writer {
  readonly head: string
  readonly rows: (sessions: ReadonlyArray<Session>) => string
  readonly tail: (report: ScanReport | undefined) => string
}

const writer = (format: Format, columns: ReadonlyArray<Column>): Writer => {
  switch (format) {
    case "ndjson":
      return {
        head: "",
        rows: (sessions) => ndjsonRows(sessions.map(withoutSecrets)),
        tail: (report) => `${JSON.stringify({ report })}\n`
      }
    case "csv": {
      const options: CsvOptions = { columns }
      return { head: csvHeader(options), rows: csvRows(options), tail: () => "" }
    }
    case "json": {
      let separator = ""
      const rows = (sessions: ReadonlyArray<Session>) => {
        if (sessions.length === 0) return ""
        const text = separator + sessions.map((session) => encodeSession(withoutSecrets(session))).join(",")
        separator = ","
        return text
      }
      return { head: '{"sessions":[', rows, tail: (report) => `],"report":${JSON.stringify(report)}}` }
    }
  }
}

/**
 * Reads the list and sends it.
 *
 * **Details**
 *
 * The first page is there before the status line is sent, so that a failure to begin has a status of its own. A failure
 * later on is a failure of the effect with the answer begun: its caller cuts the connection.
 */
const send = Effect.fn("list.send")(function* (
  exchange: Exchange,
  options: {
    readonly format: Format
    readonly query: ReadQuery.ReadQuery
  } & Pick<RouteOptions, "readConcurrency" | "heartbeat">
) {
  const { columns = contract } = options.query
  const chooser = new ColumnChooser(columns)
  const hasOthers = columns.some((name) => !isContractColumn(name))
  let made: Writer | undefined
  const write = () => (made ??= writer(options.format, chooser.columns))
  // HTTP/1.0 and HEAD have no place for one.
  const hasTrailer = exchange.request.httpVersionMinor > 0 && exchange.method !== "HEAD"
  const visible = StatusAccess.filter(exchange.client?.statuses)
  let report: ScanReport | undefined
  const begin = () => {
    if (exchange.response.headersSent) return
    exchange.begin(
      200,
      [
        "content-type",
        mediaTypes[options.format],
        "cache-control",
        "no-store",
        "vary",
        "accept, accept-encoding, authorization, x-api-key, origin",
        ...(hasTrailer ? ["trailer", [completenessTrailer, ...(hasOthers ? [columnsTrailer] : [])].join(", ")] : [])
      ],
      codingOf(exchange)
    )
    exchange.write(write().head)
  }
  const pages = Sessions.pages({
    ...options.query.options,
    concurrency: options.readConcurrency,
    onReport: (found) =>
      Effect.sync(() => {
        report = found
      })
  })
  const reading = (exchange.method === "HEAD" ? Stream.take(pages, 1) : pages).pipe(
    Stream.map(({ sessions }) => visible.rows(sessions)),
    held(chooser, identity),
    Stream.runForEach((pagesOfRows) =>
      Effect.suspend(() => {
        begin()
        const text = pagesOfRows.map(write().rows).join("")
        return text === "" || exchange.write(text) ? Effect.void : drained(exchange)
      })
    )
  )
  const isFillable = options.format !== "csv" && exchange.method !== "HEAD"
  yield* isFillable ? Effect.raceFirst(reading, beating(exchange, options.heartbeat)) : reading
  begin()
  report = visible.report(report)
  exchange.write(write().tail(report))
  if (hasTrailer && report !== undefined) {
    const told = hasOthers ? missing(chooser.report) : ""
    exchange.response.addTrailers([
      [completenessTrailer, completeness(report)],
      ...(told === "" ? [] : [[columnsTrailer, told] satisfies [string, string]])
    ])
  }
  exchange.end()
})

/**
 * Sends a space when nothing was sent for a while, so that nothing on the way takes the connection for dead: the list may
 * be proven complete without a row. Between two rows, and before a line, a space means nothing.
 */
const beating = (exchange: Exchange, longest: Duration.Duration): Effect.Effect<never> => {
  let before = 0
  const beat = Effect.sync(() => {
    const { response, sent } = exchange
    // What a client has not taken is no silence of ours.
    if (sent === before && response.headersSent && response.writableLength === 0) exchange.write(" ")
    before = exchange.sent
  })
  return Effect.forever(Effect.andThen(Effect.sleep(Duration.times(longest, 0.5)), beat))
}

/** As an item of a structured field (RFC 9651). */
const completeness = ({ completeness: claim }: ScanReport): string =>
  claim.status === "proven" ? `proven; certificate=${claim.certificate}` : `unproven; reason=${claim.reason}`

/** Names that a trailer has; a client takes only so many bytes of them. */
const MOST_NAMES = 20
const LONGEST_NAME = 100

/** As a structured field (RFC 9651): a dictionary of lists of names, in which a list that is cut has `more`. */
const missing = ({ empty, leftOut }: ColumnsReport): string =>
  [named("empty", empty), named("left-out", leftOut)].filter((text) => text !== "").join(", ")

const named = (key: string, names: ReadonlyArray<string>): string => {
  if (names.length === 0) return ""
  const shown = names.slice(0, MOST_NAMES).map((name) => displayString(name.slice(0, LONGEST_NAME).toWellFormed()))
  return `${key}=(${shown.join(" ")})${names.length > MOST_NAMES ? ";more" : ""}`
}

/** A string of any characters: `%"caf%c3%a9"`. */
const displayString = (text: string): string =>
  `%"${encodeURIComponent(text).replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())}"`

/** Waits until the client has taken what was written; its caller ends it when the client goes away. */
const drained = (exchange: Exchange): Effect.Effect<void> =>
  Effect.callback((resume) => Effect.sync(exchange.onDrain(() => resume(Effect.void))))

/** Lists hold no secrets, so that each may be compressed. */
const codingOf = ({ accepted, wish }: Exchange) => (wish.isFixed ? undefined : accepted.coding)

/** The formats by path. */
export const formats = new Map<string, Format | "negotiated">([
  ["/v1/sessions", "negotiated"],
  ["/v1/sessions.ndjson", "ndjson"],
  ["/v1/sessions.csv", "csv"],
  ["/v1/sessions.json", "json"]
])

/** Only CSV has columns, so a request for some is one for CSV. */
const wantsColumns = ({ search }: Exchange): boolean =>
  search.includes("columns") && new URLSearchParams(search).has("columns")

/** The route. */
export const list: Route = (exchange, client) => {
  if (!exchange.accepted.takesPlain && codingOf(exchange) === undefined) return Result.fail(noCoding)
  const wanted = formats.get(exchange.path) ?? "negotiated"
  const format = wanted === "negotiated" ? negotiate(exchange.request.headers.accept, wantsColumns(exchange)) : wanted
  return format === undefined
    ? Result.fail(reject("not-acceptable", "the formats are application/x-ndjson, text/csv and application/json"))
    : Result.map(ReadQuery.read(exchange, client, format === "csv"), (query) => ({
        _tag: "Streamed" as const,
        kind: "list" as const,
        send: (options) => send(exchange, { ...options, format, query })
      }))
}

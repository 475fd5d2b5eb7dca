/**
 * `GET /v1/sessions`: every session, page by page as they come, at the speed of the client.
 */
import { ColumnChooser, held } from "@hb-sessions/core/ColumnChooser"
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import type { Session } from "@hb-sessions/core/Session"
import * as Sessions from "@hb-sessions/core/Sessions"
import { columns as contract, isContractColumn } from "@hb-sessions/core/SessionsColumns"
import { InvalidResumeToken, SessionsError } from "@hb-sessions/core/SessionsError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as StatusAccess from "../access/StatusAccess.ts"
import { type Format, mediaTypes, negotiate } from "../http/ContentNegotiation.ts"
import type { Exchange } from "../http/Exchange.ts"
import { noCoding, reject } from "../http/Problem.ts"
import * as ListToken from "./ListToken.ts"
import { columnsTrailer, completeness, completenessTrailer, missing, resumeTrailer } from "./listTrailers.ts"
import { type Writer, writer } from "./listWriter.ts"
import * as ReadQuery from "./ReadQuery.ts"
import type { Route, RouteOptions } from "./Route.ts"

/** Most sessions that are new above those of a token, and held until it is certain what was delivered before. */
const MOST_NEW = 2000

/** The rows of a page, and the token to go on behind them with. */
interface Piece {
  readonly rows: ReadonlyArray<Session>
  readonly token: string
}

/**
 * Reads the list and sends it.
 *
 * **Details**
 *
 * The first page is there before the status line is sent, so that a failure to begin has a status of its own. A failure
 * later on is a failure of the effect with the answer begun: its caller cuts the connection. A list that is continued
 * begins when it is certain which sessions were delivered before, so that there is a status for one that is not.
 *
 * When the server stops, a list that its client can continue ends behind a row, with a token.
 */
const send = Effect.fn("list.send")(function* (
  exchange: Exchange,
  options: {
    readonly format: Format
    readonly query: ReadQuery.ReadQuery
  } & Pick<RouteOptions, "readConcurrency" | "heartbeat" | "scope" | "stopping">
) {
  const { format, query, scope } = options
  const from = query.from === undefined ? undefined : ListToken.read(query.from, scope)
  if (from !== undefined && Result.isFailure(from)) return exchange.reject(from.failure)
  const start = from?.success
  const { columns = contract } = query
  const chooser = new ColumnChooser(columns)
  const hasOthers = columns.some((name) => !isContractColumn(name))
  let made: Writer | undefined
  const write = () => (made ??= writer(format, chooser.columns, start !== undefined))
  // HTTP/1.0 and HEAD have no place for one.
  const hasTrailer = exchange.request.httpVersionMinor > 0 && exchange.method !== "HEAD"
  const trailers = [
    completenessTrailer,
    ...(hasOthers ? [columnsTrailer] : []),
    ...(query.isResumable ? [resumeTrailer] : [])
  ]
  const visible = StatusAccess.filter(exchange.client?.statuses)
  let report: ScanReport | undefined
  const begin = () => {
    if (exchange.response.headersSent) return
    exchange.begin(
      200,
      [
        "content-type",
        mediaTypes[format],
        "cache-control",
        "no-store",
        "vary",
        "accept, accept-encoding, authorization, x-api-key, origin",
        ...(hasTrailer ? ["trailer", trailers.join(", ")] : [])
      ],
      codingOf(exchange)
    )
    exchange.write(write().head)
  }
  const pages = Sessions.pages({
    ...query.options,
    ...(start === undefined ? {} : { from: start, whenChanged: "fail" }),
    concurrency: options.readConcurrency,
    onReport: (found) =>
      Effect.sync(() => {
        report = found
      })
  })
  let waiting: Array<Piece> = []
  let reached: string | undefined
  const sendWaiting = (): boolean => {
    begin()
    const pieces = waiting
    waiting = []
    const rows = pieces.map((piece) => write().rows(piece.rows)).join("")
    reached = pieces.at(-1)?.token ?? reached
    if (rows === "" || reached === undefined) return true
    return exchange.write(query.isResumable ? rows + write().mark(ListToken.write(reached, scope)) : rows)
  }
  const reading = (exchange.method === "HEAD" ? Stream.take(pages, 1) : pages).pipe(
    Stream.map(({ resumeToken, sessions }): Piece => ({ rows: visible.rows(sessions), token: resumeToken })),
    held(chooser, ({ rows }) => rows),
    Stream.runForEach((pieces) =>
      Effect.suspend(() => {
        waiting.push(...pieces)
        const isCertain = start === undefined || waiting.at(-1)?.token !== start
        if (isCertain) return sendWaiting() ? Effect.void : drained(exchange)
        const count = waiting.reduce((sum, { rows }) => sum + rows.length, 0)
        return count > MOST_NEW ? Effect.fail(tooMuchIsNew) : Effect.void
      })
    )
  )
  const isFillable = format !== "csv" && exchange.method !== "HEAD"
  const filled = isFillable ? Effect.raceFirst(reading, beating(exchange, options.heartbeat)) : reading
  const canEnd = query.isResumable && (hasTrailer || isFillable)
  const isStopped = yield* canEnd
    ? Effect.raceFirst(Effect.as(filled, false), Effect.as(options.stopping, true))
    : Effect.as(filled, false)
  if (isStopped) {
    if (reached === undefined) return exchange.reject(stopped)
    const token = ListToken.write(reached, scope)
    exchange.write(write().tail({ resume: token }))
    if (hasTrailer) exchange.response.addTrailers([[resumeTrailer, token]])
    return exchange.end()
  }
  sendWaiting()
  report = visible.report(report)
  exchange.write(write().tail({ report }))
  if (hasTrailer && report !== undefined) {
    const told = hasOthers ? missing(chooser.report) : ""
    exchange.response.addTrailers([
      [completenessTrailer, completeness(report)],
      ...(told === "" ? [] : [[columnsTrailer, told] satisfies [string, string]])
    ])
  }
  exchange.end()
})

const stopped = reject("overloaded", "the proxy is stopping; send the same request again", {
  headers: { "retry-after": "1" }
})

const tooMuchIsNew = new SessionsError({
  reason: new InvalidResumeToken({ detail: `it is too old: more than ${MOST_NEW} sessions are new since` })
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
    : Result.map(ReadQuery.read(exchange, client, format === "csv" ? "csv" : "list"), (query) => ({
        _tag: "Streamed" as const,
        kind: "list" as const,
        send: (options) => send(exchange, { ...options, format, query })
      }))
}

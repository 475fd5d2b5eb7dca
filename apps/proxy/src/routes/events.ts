/**
 * `GET /v1/events`: the active sessions of the token's account as they change, as server-sent events.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import * as StatusAccess from "../access/StatusAccess.ts"
import type { Exchange } from "../http/Exchange.ts"
import { invalidParameter, noCoding } from "../http/Problem.ts"
import { watchedStatus } from "../watch/Feed.ts"
import type { Route, RouteOptions } from "./Route.ts"

/** The media type of server-sent events. */
export const eventsType = "text/event-stream"

/** When a client may come back, in milliseconds: while it lasts, and when the server or the time of a stream ends it. */
const RETRY = 2000
const AFTER_END = 1000

/** Ends by itself at this share of the time that an answer may take. */
const SHARE = 0.9

/**
 * Sends what changes until the client leaves, the server stops or the stream has lasted as long as an answer may.
 *
 * **Details**
 *
 * A client that does not read is sent nothing until it does, and then what is kept since, or a snapshot: nothing is
 * queued for it.
 */
const send = Effect.fn("events.send")(function* (exchange: Exchange, options: RouteOptions) {
  const { coding } = exchange.accepted
  exchange.begin(
    200,
    [
      "content-type",
      `${eventsType}; charset=utf-8`,
      "cache-control",
      "no-store",
      // nginx would hold events back.
      "x-accel-buffering",
      "no",
      "vary",
      "accept-encoding, authorization, x-api-key, origin"
    ],
    exchange.wish.isFixed ? undefined : coding
  )
  if (exchange.method === "HEAD") return exchange.end()
  exchange.write(`retry: ${RETRY}\n\n`)
  const latch = yield* Latch.make(true)
  const { feed } = yield* Effect.acquireRelease(
    Effect.sync(() => options.watch({ owner: exchange.client?.id ?? "", notify: () => void latch.openUnsafe() })),
    ({ leave }) => Effect.sync(leave)
  )
  const { "last-event-id": lastId } = exchange.request.headers
  let position = feed.positionOf(typeof lastId === "string" ? lastId : undefined)
  let problems = -1
  const news = Effect.gen(function* () {
    yield* latch.await
    yield* latch.close
    const piece = feed.after(position, problems)
    ;({ position, problems } = piece)
    if (piece.text !== "" && !exchange.write(piece.text)) yield* drained(exchange)
  })
  const beat = Effect.suspend(() => (exchange.write(":\n\n") ? Effect.void : drained(exchange)))
  const silence = Duration.times(options.heartbeat, 0.5)
  const writing = Effect.forever(
    Effect.flatMap(Effect.timeoutOption(latch.await, silence), ({ _tag }) => (_tag === "Some" ? news : beat))
  )
  yield* Effect.raceFirst(
    writing,
    Effect.raceFirst(options.stopping, Effect.sleep(Duration.times(options.readTimeout, SHARE)))
  )
  exchange.write(`retry: ${AFTER_END}\n\n`)
  exchange.end()
}, Effect.scoped)

/** Waits until the client has taken what was written; its caller ends it when the client goes away. */
const drained = (exchange: Exchange): Effect.Effect<void> =>
  Effect.callback((resume) => Effect.sync(exchange.onDrain(() => resume(Effect.void))))

/** The route. */
export const events: Route = (exchange, client) => {
  const [unknown] = new URLSearchParams(exchange.search).keys()
  if (unknown !== undefined) return Result.fail(invalidParameter(unknown, "unknown; there are no parameters"))
  if (!exchange.accepted.takesPlain && (exchange.wish.isFixed || exchange.accepted.coding === undefined)) {
    return Result.fail(noCoding)
  }
  // What is asked for is said by the path.
  const rejected = StatusAccess.checkQuery(client, [watchedStatus])
  if (rejected !== undefined) return Result.fail(rejected)
  return Result.succeed({
    _tag: "Streamed",
    kind: "list",
    isWatch: true,
    send: (options) => send(exchange, options)
  })
}

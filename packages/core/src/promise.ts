/**
 * The client for code without Effect: promises, async iterables, ordinary errors.
 *
 * Nothing here names a type of Effect. All times are epoch milliseconds (UTC).
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { retryAfterMillis } from "./internal/attempt.ts"
import { arrayLimit, clientOptions, listQuery, readOptions } from "./internal/promiseOptions.ts"
import type { SessionsClient, SessionsClientOptions } from "./internal/promiseTypes.ts"
import * as Sessions from "./Sessions.ts"
import * as Core from "./SessionsClient.ts"
import type { SessionsError, SessionsErrorReason } from "./SessionsError.ts"

export type {
  ArrayOptions,
  LaunchState,
  ListOptions,
  ReadOptions,
  ReadReport,
  Session,
  SessionPage,
  SessionsChunk,
  SessionsClient,
  SessionsClientOptions,
  UnreadableRow
} from "./internal/promiseTypes.ts"

/** What went wrong. */
export type SessionsErrorCode =
  | "UNAUTHORIZED"
  | "PAYMENT_REQUIRED"
  | "INVALID_REQUEST"
  | "RATE_LIMITED"
  | "UPSTREAM_UNAVAILABLE"
  | "UNEXPECTED_RESPONSE"
  | "PAGINATION_STUCK"
  | "PAGE_MISMATCH"
  | "INVALID_RESUME_TOKEN"

/** What a `SessionsApiError` tells besides its message. */
export type SessionsApiErrorDetails = Pick<
  SessionsApiError,
  "code" | "status" | "page" | "requestId" | "retryable" | "retryAfterMillis"
>

/** Every failure of a request; `cause` is the `SessionsError` behind it. */
export class SessionsApiError extends Error {
  override readonly name = "SessionsApiError"
  readonly code: SessionsErrorCode
  /** The HTTP status; undefined when there was no answer, or the failure is not about one. */
  readonly status: number | undefined
  /** The page that was asked for; undefined when the failure is not about one. */
  readonly page: number | undefined
  /** The server's id of the request, to quote to its support; undefined when it sent none. */
  readonly requestId: string | undefined
  /** Whether the same request may succeed later. */
  readonly retryable: boolean
  /** How long the server asks to wait; undefined when it does not tell. */
  readonly retryAfterMillis: number | undefined

  constructor(message: string, options: SessionsApiErrorDetails & { readonly cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = options.code
    this.retryable = options.retryable
    this.status = options.status
    this.page = options.page
    this.requestId = options.requestId
    this.retryAfterMillis = options.retryAfterMillis
  }
}

/**
 * Makes a client.
 *
 * **Gotchas**
 *
 * Throws a `TypeError` on options that cannot be used, as the methods do, or reject with one.
 */
export const createSessionsClient = (options: SessionsClientOptions): SessionsClient => {
  const client = Core.SessionsClient.layer(clientOptions(options))
  const layer =
    options.fetch === undefined ? client : Layer.provide(client, Layer.succeed(FetchHttpClient.Fetch, options.fetch))

  // Built once, at the first request: all reads of a client share its pace.
  const services = ManagedRuntime.make(layer).contextEffect

  const read = <A>(
    stream: Stream.Stream<A, SessionsError, Core.SessionsClient>,
    signal: AbortSignal | undefined
  ): Stream.Stream<A, unknown> => {
    const provided = Stream.unwrap(Effect.map(services, (context) => Stream.provideContext(stream, context)))
    const failing = Stream.mapError(provided, toApiError)
    return signal === undefined ? failing : Stream.interruptWhen(failing, aborted(signal))
  }

  return {
    list: async (asked = {}) => {
      const { signal } = asked
      const query = listQuery(asked)
      const page = Effect.flatMap(services, (context) =>
        Effect.mapError(Context.get(context, Core.SessionsClient).getPage(query), toApiError)
      )
      return Effect.runPromise(signal === undefined ? page : Effect.raceFirst(page, aborted(signal)))
    },
    sessions: (asked = {}) => Stream.toAsyncIterable(read(Sessions.stream(readOptions(asked)), asked.signal)),
    pages: (asked = {}) => Stream.toAsyncIterable(read(Sessions.pages(readOptions(asked)), asked.signal)),
    toArray: async (asked) => {
      const some = Stream.take(Sessions.stream(readOptions(asked)), arrayLimit(asked.limit))
      return Effect.runPromise(Stream.runCollect(read(some, asked.signal)))
    }
  }
}

/** Fails with the signal's reason once it is aborted. */
const aborted = (signal: AbortSignal): Effect.Effect<never, unknown> =>
  Effect.callback((resume) => {
    const fail = () => resume(Effect.fail(signal.reason))
    if (signal.aborted) return fail()
    signal.addEventListener("abort", fail, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", fail))
  })

const codes: Record<SessionsErrorReason["_tag"], SessionsErrorCode> = {
  Unauthorized: "UNAUTHORIZED",
  PaymentRequired: "PAYMENT_REQUIRED",
  InvalidRequest: "INVALID_REQUEST",
  RateLimited: "RATE_LIMITED",
  UpstreamUnavailable: "UPSTREAM_UNAVAILABLE",
  UnexpectedResponse: "UNEXPECTED_RESPONSE",
  PaginationStuck: "PAGINATION_STUCK",
  PageMismatch: "PAGE_MISMATCH",
  InvalidResumeToken: "INVALID_RESUME_TOKEN"
}

const toApiError = (error: SessionsError): SessionsApiError => {
  const { isRetryable, message, page, reason, requestId } = error
  return new SessionsApiError(message, {
    cause: error,
    code: codes[reason._tag],
    retryable: isRetryable,
    status: statusOf(reason),
    page,
    requestId,
    retryAfterMillis: retryAfterMillis(reason)
  })
}

const statusOf = (reason: SessionsErrorReason): number | undefined => {
  if (reason._tag === "RateLimited") return 429
  if (reason._tag === "PaymentRequired") return 402
  return "status" in reason ? reason.status : undefined
}

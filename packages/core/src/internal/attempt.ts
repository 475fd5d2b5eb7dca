/**
 * One HTTP request for one page, read to its end and classified.
 */
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as HttpBody from "effect/http/HttpBody"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as UrlParams from "effect/http/UrlParams"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { BodyTooLarge } from "../limitBodies.ts"
import { apiKeyHeader, type ListQuery } from "../ListQuery.ts"
import { retryAfterOf } from "../retrySchedule.ts"
import * as SessionsError from "../SessionsError.ts"
import type { Deadlines } from "./Deadlines.ts"
import { errorDetail, safeText } from "./errorDetail.ts"
import { networkProblem } from "./networkProblem.ts"

/** What one request needs to know of its client. */
export interface AttemptSettings {
  readonly url: string
  /** Of a single attempt. */
  readonly deadlines: Deadlines
  /** Sent with each request, beside the key. */
  readonly headers: Headers.Headers
}

/** A complete answer with a JSON body. */
export interface Answer {
  readonly body: Uint8Array
  readonly json: unknown
  readonly status: number
  readonly requestId: () => string | undefined
}

/** Why an attempt failed, and whether another may succeed. */
export class AttemptFailed {
  readonly _tag = "AttemptFailed"
  readonly reason: SessionsError.SessionsErrorReason
  readonly isTransient: boolean
  constructor(reason: SessionsError.SessionsErrorReason, isTransient = reason.isRetryable) {
    this.reason = reason
    this.isTransient = isTransient
  }
}

/** How long the server asks to wait, in milliseconds; absent when it does not tell. */
export const retryAfterMillis = (reason: SessionsError.SessionsErrorReason): number | undefined =>
  "retryAfterMillis" in reason ? reason.retryAfterMillis : undefined

/** Sends one request. `count` is the number of this attempt, from 1. */
export const attempt = (
  http: HttpClient.HttpClient,
  settings: AttemptSettings,
  apiKey: Redacted.Redacted,
  query: ListQuery,
  count: number
): Effect.Effect<Answer, AttemptFailed> => {
  const request = HttpClientRequest.makeWith(
    "GET",
    settings.url + searchOf(query),
    UrlParams.empty,
    Option.none(),
    Headers.set(settings.headers, apiKeyHeader, Redacted.value(apiKey)),
    HttpBody.empty
  )
  return settings.deadlines.within(Effect.flatMap(http.execute(request), received)).pipe(
    Effect.mapError((error) => noAnswer(error, count)),
    Effect.flatMap((answer) =>
      Option.isNone(answer)
        ? Effect.fail(
            new AttemptFailed(new SessionsError.UpstreamUnavailable({ kind: "timeout", attempts: count, detail: "" }))
          )
        : Effect.clockWith((clock) =>
            Effect.fromResult(classify(answer.value, apiKey, count, clock.currentTimeMillisUnsafe()))
          )
    )
  )
}

const searchOf = (query: ListQuery): string => {
  let search = ""
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue
    search += search === "" ? "?" : "&"
    search += typeof value === "number" ? `${name}=${value}` : parametersOf(name, value)
  }
  return search
}

/** Servers in between pass parameters on that the contract does not know, which may occur more than once. */
const parametersOf = (name: string, value: string | ReadonlyArray<string>): URLSearchParams =>
  new URLSearchParams((typeof value === "string" ? [value] : value).map((item) => [name, item]))

/** A response that was read to its end. */
interface Received {
  readonly status: number
  readonly headers: Headers.Headers
  readonly body: Uint8Array
}

/** The body is empty for a failure that is too long to be read, as its status says enough. */
const received = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.map(
    response.status === 200
      ? response.arrayBuffer
      : Effect.catchIf(
          response.arrayBuffer,
          (error) => tooLarge(error) !== undefined,
          () => Effect.succeed(new ArrayBuffer())
        ),
    (buffer): Received => ({ status: response.status, headers: response.headers, body: new Uint8Array(buffer) })
  )

const tooLarge = ({ reason }: HttpClientError.HttpClientError): BodyTooLarge | undefined =>
  "cause" in reason && reason.cause instanceof BodyTooLarge ? reason.cause : undefined

const noAnswer = (error: HttpClientError.HttpClientError, count: number) => {
  const large = tooLarge(error)
  if (large !== undefined) {
    return new AttemptFailed(
      new SessionsError.UnexpectedResponse({ status: 200, path: "", detail: `${large.message}; ${largerBodies}` })
    )
  }
  const { code, problem } = networkProblem(error)
  return new AttemptFailed(
    new SessionsError.UpstreamUnavailable({
      kind: "network",
      attempts: count,
      detail: code ?? error.reason._tag,
      ...(problem === undefined ? {} : { problem })
    })
  )
}

const largerBodies = "ask for smaller pages, or raise HB_SESSIONS_MAX_BODY_BYTES"

const decoder = new TextDecoder()

const classify = (
  { body, headers, status }: Received,
  apiKey: Redacted.Redacted,
  count: number,
  now: number
): Result.Result<Answer, AttemptFailed> => {
  const sentId = headers["x-request-id"] ?? headers["request-id"]
  const requestId = () => (sentId === undefined ? undefined : safeText(sentId, apiKey))
  const parsed = parseJson(decoder.decode(body))
  if (status === 200 && parsed !== notJson) {
    return Result.succeed({ body, json: parsed, status, requestId })
  }
  const id = requestId()
  const common = {
    detail: errorDetail(parsed, apiKey),
    ...(id === undefined ? {} : { requestId: id })
  }
  const millis = retryAfterOf(headers, now)
  const wait = millis === undefined ? {} : { retryAfterMillis: millis }
  if (status === 200) {
    const detail = body.length === 0 ? "the body is empty" : "the body is not JSON"
    return Result.fail(
      new AttemptFailed(new SessionsError.UnexpectedResponse({ ...common, status, path: "", detail }), true)
    )
  }
  switch (status) {
    case 400:
    case 422:
      return Result.fail(new AttemptFailed(new SessionsError.InvalidRequest({ ...common, status })))
    case 401:
    case 403:
      return Result.fail(new AttemptFailed(new SessionsError.Unauthorized({ ...common, status })))
    case 402:
      return Result.fail(new AttemptFailed(new SessionsError.PaymentRequired(common)))
    case 429:
      return Result.fail(new AttemptFailed(new SessionsError.RateLimited({ ...common, ...wait, attempts: count })))
  }
  return Result.fail(
    new AttemptFailed(
      status === 408 || status >= 500
        ? new SessionsError.UpstreamUnavailable({ ...common, ...wait, kind: "status", status, attempts: count })
        : new SessionsError.UnexpectedResponse({
            ...common,
            status,
            path: "",
            detail: common.detail || (status === 407 ? proxyAsksForPassword : notTheApi)
          })
    )
  )
}

const notTheApi = "this is not the sessions API; check the base URL"
const proxyAsksForPassword = "the proxy asks for a user and a password; put them in its URL"

const notJson = Symbol("notJson")

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return notJson
  }
}

/**
 * One request and its answer, given up when nothing moves any more.
 */
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import { PlatformError } from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import { Permanent, Transient } from "./AttemptFailed.ts"
import { Unreachable } from "./S3Error.ts"

/** What is sent; it can be sent again. */
export interface S3Body {
  readonly bytes: number
  /** In hexadecimal. */
  readonly sha256: string
  readonly stream: Stream.Stream<Uint8Array, PlatformError>
}

/** A request as it is sent. */
export interface Outgoing {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE"
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: S3Body | undefined
  /** In milliseconds: how long nothing may be sent or received. */
  readonly idleMillis: number
}

/** An answer whose body is still to be read. */
export interface Incoming {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  /** The chunks of the body. */
  readonly stream: Stream.Stream<Uint8Array, Transient | Permanent>
}

/**
 * Sends a request and takes its answer.
 *
 * **Details**
 *
 * Fails with `Transient` when the connection fails or nothing moves for too long, and with the failure of the file that
 * is sent. Interrupted, or when its answer comes before all is sent, it closes the connection.
 */
export const exchange = <A, E>(
  http: HttpClient.HttpClient,
  outgoing: Outgoing,
  take: (incoming: Incoming) => Effect.Effect<A, E>
): Effect.Effect<A, E | Transient | Permanent | PlatformError> =>
  whileActive(outgoing.idleMillis, (touch) => {
    const host = new URL(outgoing.url).host
    const failed = (error: HttpClientError.HttpClientError) => Effect.fail(failureOf(error, host))
    return HttpClient.withScope(http)
      .execute(requestOf(outgoing, touch))
      .pipe(
        Effect.catch(failed),
        Effect.tap(() => Effect.sync(touch)),
        Effect.flatMap((response) => take(incomingOf(response, touch, host))),
        Effect.scoped,
        // A third party is told nothing of our spans.
        Effect.provideService(HttpClient.TracerPropagationEnabled, false)
      )
  })

const requestOf = ({ body, headers, method, url }: Outgoing, touch: () => void) => {
  const request = HttpClientRequest.make(method)(url, { headers: { ...headers } })
  if (body === undefined) return request
  const stream = Stream.tap(body.stream, () => Effect.sync(touch))
  return HttpClientRequest.setBody(request, HttpBody.stream(stream, headers["content-type"], body.bytes))
}

const incomingOf = (response: HttpClientResponse.HttpClientResponse, touch: () => void, host: string): Incoming => ({
  status: response.status,
  headers: response.headers,
  stream: response.stream.pipe(
    Stream.tap(() => Effect.sync(touch)),
    // A response without a body has no stream either.
    Stream.catchIf(
      (error) => error.reason._tag === "EmptyBodyError",
      () => Stream.empty
    ),
    Stream.mapError((error) => {
      const failure = failureOf(error, host)
      return failure._tag === "PlatformError" ? new Transient({ detail: failure.message }) : failure
    })
  )
})

/** Fails with `Transient` when it was not touched for so long. */
const whileActive = <A, E>(idleMillis: number, use: (touch: () => void) => Effect.Effect<A, E>) =>
  Effect.flatMap(Clock.Clock, (clock) => {
    let last = SteadyTime.nowUnsafe(clock)
    const touch = () => {
      last = SteadyTime.nowUnsafe(clock)
    }
    const watch: Effect.Effect<never, Transient> = Effect.suspend(() => {
      const rest = last + idleMillis - SteadyTime.nowUnsafe(clock)
      return rest > 0
        ? Effect.andThen(Effect.sleep(Math.ceil(rest)), watch)
        : Effect.fail(new Transient({ detail: `no answer within ${idleMillis / 1000} s` }))
    })
    return Effect.raceFirst(use(touch), watch)
  })

const failureOf = ({ reason }: HttpClientError.HttpClientError, host: string) => {
  const cause = "cause" in reason ? reason.cause : undefined
  if (cause instanceof PlatformError) return cause
  const code = Predicate.hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : reason._tag
  return isOfTls(code)
    ? new Permanent({ reason: new Unreachable({ attempts: 1, detail: `${code}, ${host}`, remedy: tlsRemedy }) })
    : new Transient({ detail: `${code}, ${host}` })
}

const isOfTls = (code: string): boolean =>
  code === "EPROTO" || /^(?:ERR_(?:SSL|TLS)|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/.test(code)

const tlsRemedy = "check the endpoint, or name the store's certificate authority in NODE_EXTRA_CA_CERTS"

/**
 * Posts to URLs of others: within a fixed time, and without showing the URL.
 */
import { firstCode } from "@hb-sessions/app-kit/SystemError"
import * as Data from "effect/Data"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type { SecretUrl } from "../settings/SecretUrl.ts"

/** The time limit with all attempts: shorter than the grace period of any scheduler. */
const LIMIT = Duration.seconds(5)

/** A request that failed; the message says why, and not of which URL. */
export class WebhookError extends Data.TaggedError("WebhookError")<{ readonly message: string }> {}

/** What is posted. */
export interface Post {
  /** Added to the path of the URL, less its last slash; by default the URL stays as it is. */
  readonly suffix?: string
  /** Sent as JSON; nothing by default. */
  readonly body?: unknown
}

/**
 * Posts once, or again after a failure that may pass, for five seconds at most.
 *
 * Follows no redirect, and does not read the body of the answer.
 */
export const post = Effect.fn("Webhook.post")(function* (url: SecretUrl, { body, suffix }: Post) {
  const http = HttpClient.filterStatusOk(HttpClient.withScope(yield* HttpClient.HttpClient))
  const target = new URL(Redacted.value(url))
  if (suffix !== undefined) target.pathname = `${target.pathname.replace(/\/+$/, "")}${suffix}`
  const request = HttpClientRequest.post(target)
  yield* Effect.scoped(
    http.execute(body === undefined ? request : HttpClientRequest.bodyJsonUnsafe(request, body))
  ).pipe(
    Effect.retry({ schedule: Schedule.spaced("1 second"), times: 2, while: HttpClient.isTransientError }),
    // Finalizers are uninterruptible: without this, the timeout would wait for the request.
    Effect.interruptible,
    Effect.timeout(LIMIT),
    // Others are no part of this program's traces.
    Effect.provideService(HttpClient.TracerPropagationEnabled, false),
    Effect.mapError((error) => new WebhookError({ message: problemOf(error) }))
  )
})

const problemOf = (error: HttpClientError.HttpClientError | Cause.TimeoutError): string => {
  if (Cause.isTimeoutError(error)) return `no answer within ${Duration.format(LIMIT)}`
  const status = error.response?.status
  if (status === undefined) return firstCode(error) ?? "the connection failed"
  return status >= 300 && status < 400
    ? `it answered ${status}, and redirects are not followed; give the URL that it leads to`
    : `it answered ${status}`
}

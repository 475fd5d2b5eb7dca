/**
 * A failure of the upstream as the client of the proxy sees it.
 */
import type { SessionsError, SessionsErrorReason } from "@hb-sessions/core/SessionsError"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

/** The vendor's form of an error body, so that the vendor's SDK shows the text. */
export const errorBody = (status: number, message: string, headers: Record<string, string> = {}) =>
  HttpServerResponse.jsonUnsafe({ message }, { status, headers })

/**
 * Maps a failure to a status.
 *
 * **Details**
 *
 * What the client can change keeps its status: 400, 402, 429. A refused key is the proxy's own fault, so it is 502, not
 * 401. A server that did not answer in time is 504, every other trouble upstream 502.
 */
export const errorResponse = (error: SessionsError): HttpServerResponse.HttpServerResponse => {
  const { reason } = error
  const message =
    reason._tag === "Unauthorized" ? "the upstream refused the proxy's API key" : `upstream: ${error.message}`
  return errorBody(statusOf(reason), message, {
    ...(error.requestId === undefined ? {} : { "x-request-id": error.requestId }),
    ...("retryAfterMillis" in reason && reason.retryAfterMillis !== undefined
      ? { "retry-after": String(Math.ceil(reason.retryAfterMillis / 1000)) }
      : {})
  })
}

const statusOf = (reason: SessionsErrorReason): number => {
  switch (reason._tag) {
    case "InvalidRequest":
      return reason.status
    case "PaymentRequired":
      return 402
    case "RateLimited":
      return 429
    case "UpstreamUnavailable":
      return reason.kind === "timeout" ? 504 : 502
    default:
      return 502
  }
}

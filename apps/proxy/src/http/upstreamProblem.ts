/**
 * A failure of the upstream as a client of the proxy sees it.
 */
import type { SessionsError } from "@hb-sessions/core/SessionsError"
import { type ProblemName, type Rejection, reject } from "./Problem.ts"
import type { Secrets } from "../upstream/KeyRedaction.ts"

/**
 * Maps a failure to a problem.
 *
 * **Details**
 *
 * What the client can change keeps its status: 400, 402, 429. A rejected key is the proxy's own fault, so it is 502, not
 * 401. A server that did not answer in time is 504, one whose circuit is open 503, other trouble 502.
 */
export const upstreamProblem = (error: SessionsError, secrets: Secrets): Rejection => {
  const { reason } = error
  const wait = "retryAfterMillis" in reason ? reason.retryAfterMillis : undefined
  return reject(problemOf(error), messageOf(error, secrets), {
    headers: {
      ...(error.requestId === undefined ? {} : { "x-upstream-request-id": headerValue(secrets.hide(error.requestId)) }),
      ...(wait === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(wait / 1000))) })
    }
  })
}

const problemOf = ({ reason }: SessionsError): ProblemName => {
  switch (reason._tag) {
    case "InvalidRequest":
      return "invalid-parameter"
    case "PaymentRequired":
      return "payment-required"
    case "RateLimited":
      return "rate-limited"
    case "InvalidResumeToken":
      return "not-resumable"
    case "UpstreamUnavailable":
      if (reason.kind === "timeout") return "upstream-timeout"
      return reason.attempts === 0 ? "upstream-unavailable" : "upstream-failed"
    case "UnexpectedResponse":
    case "PageMismatch":
    case "PaginationStuck":
      return "upstream-invalid"
    default:
      return "upstream-failed"
  }
}

const messageOf = (error: SessionsError, secrets: Secrets): string => {
  switch (error.reason._tag) {
    // What the upstream says about a key concerns only the operator, who finds it in the log.
    case "Unauthorized":
      return "the upstream rejected the proxy's API key; tell the proxy's operator"
    case "InvalidRequest":
      return secrets.hide(error.reason.detail) || "the upstream rejected the query"
    case "InvalidResumeToken":
      return error.reason.message
    default:
      return `upstream: ${secrets.hide(error.message)}`
  }
}

/** Text from elsewhere, made fit for a header. */
export const headerValue = (text: string): string => text.replaceAll(/[^\x21-\x7e]/g, "").slice(0, 128)

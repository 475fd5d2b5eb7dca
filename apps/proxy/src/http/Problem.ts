/**
 * Every error of the proxy: an RFC 9457 problem that is also the vendor's `{ "message" }`.
 */
import * as Schema from "effect/Schema"

/** The kinds of problems: status and title of each. The name is the end of `type`. */
export const problems = {
  "malformed-request": [400, "The request is malformed"],
  "invalid-parameter": [400, "A query parameter is not valid"],
  unauthorized: [401, "A valid token is required"],
  "payment-required": [402, "The upstream requires payment"],
  "status-not-allowed": [403, "The token does not allow this status"],
  "account-not-served": [403, "The token's account is not served"],
  "not-found": [404, "Not found"],
  "method-not-allowed": [405, "The method is not allowed"],
  "not-acceptable": [406, "No acceptable format or coding"],
  "request-timeout": [408, "The request did not arrive in time"],
  "not-resumable": [409, "The list cannot be continued"],
  "uri-too-long": [414, "The URL is too long"],
  "expectation-failed": [417, "The expectation cannot be met"],
  "too-many-failures": [429, "Too many rejected tokens from this address"],
  "rate-limited": [429, "Too many requests"],
  "misdirected-request": [421, "The request is meant for another host"],
  "headers-too-large": [431, "The headers are too large"],
  internal: [500, "The proxy failed"],
  "upstream-failed": [502, "The upstream failed"],
  "upstream-invalid": [502, "The upstream's response is not usable"],
  "tokens-unavailable": [503, "The tokens cannot be checked"],
  overloaded: [503, "The proxy is busy"],
  "upstream-unavailable": [503, "The upstream is not available"],
  "not-cached": [504, "No response is cached"],
  "upstream-timeout": [504, "The upstream did not answer in time"],
  "http-version-not-supported": [505, "The HTTP version is not supported"]
} as const satisfies Record<string, readonly [status: number, title: string]>

/** The name of a kind of problem. */
export type ProblemName = keyof typeof problems

/** What precedes the name in `type`. */
export const typePrefix = "urn:hb-sessions-proxy:problem:"

/** The media type of a problem. */
export const contentType = "application/problem+json"

/** Schema for the body of an error. */
export const Problem = Schema.Struct({
  type: Schema.String.annotateKey({ description: "`urn:hb-sessions-proxy:problem:` and the kind of the problem" }),
  title: Schema.String,
  status: Schema.Int,
  detail: Schema.String.annotateKey({ description: "What happened, and what to do" }),
  message: Schema.String.annotateKey({ description: "The same text, under the vendor's name" }),
  requestId: Schema.String.annotateKey({ description: "As in the header `x-request-id`" }),
  parameter: Schema.optionalKey(Schema.String).annotateKey({ description: "The query parameter that is not valid" }),
  allowedStatuses: Schema.optionalKey(Schema.Array(Schema.String)).annotateKey({
    description: "With `status-not-allowed`: the statuses that the token may ask for"
  })
}).annotate({ identifier: "Problem" })
export type Problem = typeof Problem.Type

/** A failure on its way to a client. */
export interface Rejection {
  readonly problem: ProblemName
  readonly detail: string
  readonly parameter?: string
  /** The statuses that the token may ask for, where that is the problem. */
  readonly allowedStatuses?: ReadonlyArray<string>
  readonly headers?: Readonly<Record<string, string>>
  /** Whether the connection cannot be trusted any more, and is closed. */
  readonly close?: boolean
  /** Whether there have been so many before it that the client may wait for it. */
  readonly isDelayed?: boolean
}

/** Makes a rejection. */
export const reject = (
  problem: ProblemName,
  detail: string,
  rest: Omit<Rejection, "problem" | "detail"> = {}
): Rejection => ({ problem, detail, ...rest })

/** Makes the rejection of a query parameter. */
export const invalidParameter = (parameter: string, detail: string): Rejection =>
  reject("invalid-parameter", `Invalid query parameter ${parameter}: ${detail}`, { parameter })

/** Nothing is kept for a client that wants nothing else. */
export const notCached: Rejection = reject(
  "not-cached",
  "no cached answer satisfies Cache-Control; leave out only-if-cached to have one fetched"
)

/** A client takes neither a coding that can be sent nor a response without one. */
export const noCoding: Rejection = reject(
  "not-acceptable",
  "Accept-Encoding excludes every form of this response; the codings are zstd, br and gzip, except with no-transform or for a page that holds secrets: accept identity"
)

/** The status of a kind of problem. */
export const statusOf = (problem: ProblemName): number => problems[problem][0]

/** The body of a rejection. */
export const body = ({ allowedStatuses, detail, parameter, problem }: Rejection, requestId: string): string => {
  const [status, title] = problems[problem]
  const fields: Problem = {
    type: typePrefix + problem,
    title,
    status,
    detail,
    message: detail,
    requestId,
    ...(parameter === undefined ? {} : { parameter }),
    ...(allowedStatuses === undefined ? {} : { allowedStatuses })
  }
  return JSON.stringify(fields)
}

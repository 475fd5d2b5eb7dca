/**
 * The one error of this package, and the reasons it can have.
 *
 * Match a reason with `Effect.catchReason("SessionsError", "RateLimited", …)`. Every reason is a schema, so an error
 * can be serialised with `Schema.encodeEffect(SessionsError)`. No reason holds the API key or the body of a response.
 */
import * as Schema from "effect/Schema"

/** What the server said for people, shortened; empty when it said nothing readable. */
const detail = Schema.String

/** The server's id of the request (`x-request-id` or `request-id`), to quote to its support; absent when it sent none. */
const requestId = Schema.optionalKey(Schema.String)

/** HTTP 401 or 403: the API key is missing, malformed or rejected. Trying again does not help. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {
  /** Absent when the key could not even be sent. */
  status: Schema.optionalKey(Schema.Int),
  detail,
  requestId
}) {
  get isRetryable() {
    return false
  }
  override get message() {
    return `the API key was rejected${statusText(this.status)}${said(this.detail)}; check that it is the key you meant`
  }
}

/** HTTP 402: the team's plan or credits do not allow the request. Trying again does not help. */
export class PaymentRequired extends Schema.TaggedError<PaymentRequired>()("PaymentRequired", { detail, requestId }) {
  get isRetryable() {
    return false
  }
  override get message() {
    return `payment required (HTTP 402)${said(this.detail)}; check the team's plan and credits`
  }
}

/** HTTP 400 or 422: the server does not accept a query parameter. Trying again does not help. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", {
  status: Schema.Int,
  detail,
  requestId
}) {
  get isRetryable() {
    return false
  }
  override get message() {
    return `the server rejected the query${statusText(this.status)}${said(this.detail)}; correct the parameters`
  }
}

/** HTTP 429, after all retries or with a delay beyond the configured bound. Trying again later helps. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  /** How long the server asks to wait, in milliseconds; absent when it does not tell. */
  retryAfterMillis: Schema.optionalKey(Schema.Finite),
  /** Requests sent, the first included. */
  attempts: Schema.Int,
  detail,
  requestId
}) {
  get isRetryable() {
    return true
  }
  override get message() {
    const wait =
      this.retryAfterMillis === undefined
        ? "try again later"
        : `try again in ${Math.ceil(this.retryAfterMillis / 1000)} s`
    return `rate limited (HTTP 429) after ${attempts(this.attempts)}${said(this.detail)}; ${wait}`
  }
}

/** Schema for what waiting does not repair in a connection. */
export const NetworkProblem = Schema.Literals(["certificate", "unknown-host", "wrong-protocol", "proxy"])
export type NetworkProblem = typeof NetworkProblem.Type

/**
 * No usable answer after all retries: HTTP 408 or 5xx, no connection, a cut connection, no answer in time.
 *
 * **Details**
 *
 * A failure with a `problem` will not pass, so it is not retried, unless the client had an answer before.
 */
export class UpstreamUnavailable extends Schema.TaggedError<UpstreamUnavailable>()("UpstreamUnavailable", {
  kind: Schema.Literals(["status", "network", "timeout"]),
  /** Present when `kind` is `status`. */
  status: Schema.optionalKey(Schema.Int),
  /** Requests sent, the first included. */
  attempts: Schema.Int,
  /** How long the server asks to wait, in milliseconds; absent when it does not tell. */
  retryAfterMillis: Schema.optionalKey(Schema.Finite),
  /**
   * What keeps every request from being answered; absent when it may pass. `certificate`: it is not valid, not for the
   * host, or not from a trusted issuer. `unknown-host`: the host has no address. `wrong-protocol`: the port speaks
   * another protocol. `proxy`: a proxy on the way rejects the request.
   */
  problem: Schema.optionalKey(NetworkProblem),
  detail,
  requestId
}) {
  get isRetryable() {
    return this.problem === undefined
  }
  override get message() {
    if (this.problem !== undefined) {
      const [why, remedy] = networkProblems[this.problem]
      return `the server could not be reached after ${attempts(this.attempts)}: ${why} (${this.detail}); ${remedy(this.detail)}`
    }
    const what = {
      status: `the server failed${statusText(this.status)}`,
      network: "the server could not be reached",
      timeout: "the server did not answer in time"
    }[this.kind]
    return `${what} after ${attempts(this.attempts)}${said(this.detail)}; try again later`
  }
}

/** An answer that is not a page of the contract. Trying again does not help, unless a gateway wrote the answer. */
export class UnexpectedResponse extends Schema.TaggedError<UnexpectedResponse>()("UnexpectedResponse", {
  status: Schema.Int,
  /** Where in the body the first problem is, such as `sessions[3].createdAt`; empty for the body as a whole. */
  path: Schema.String,
  detail,
  requestId
}) {
  get isRetryable() {
    return false
  }
  override get message() {
    const where = this.path === "" ? "" : ` at ${this.path}`
    return `unexpected response (HTTP ${this.status})${where}${said(this.detail)}`
  }
}

/** The list does not end: pages repeat each other, or there are more than the bound. Trying again rarely helps. */
export class PaginationStuck extends Schema.TaggedError<PaginationStuck>()("PaginationStuck", { detail }) {
  get isRetryable() {
    return false
  }
  override get message() {
    return `pagination is stuck${said(this.detail)}`
  }
}

/** The server answered with another page than the one asked for. */
export class PageMismatch extends Schema.TaggedError<PageMismatch>()("PageMismatch", {
  requested: Schema.Int,
  /** As the server told it. */
  received: Schema.Finite,
  /** How the server numbers its pages; absent where that is from 1. */
  detail: Schema.optionalKey(Schema.String),
  requestId
}) {
  get isRetryable() {
    return false
  }
  override get message() {
    return `asked for page ${this.requested}, got page ${this.received}${said(this.detail ?? "")}`
  }
}

/** A resume token is damaged, of another version, or of another query. */
export class InvalidResumeToken extends Schema.TaggedError<InvalidResumeToken>()("InvalidResumeToken", { detail }) {
  get isRetryable() {
    return false
  }
  override get message() {
    return `the resume token cannot be used${said(this.detail)}; start again without it`
  }
}

/** Schema for the reason of a failure. */
export const SessionsErrorReason = Schema.Union([
  Unauthorized,
  PaymentRequired,
  InvalidRequest,
  RateLimited,
  UpstreamUnavailable,
  UnexpectedResponse,
  PaginationStuck,
  PageMismatch,
  InvalidResumeToken
])
export type SessionsErrorReason = typeof SessionsErrorReason.Type

/** Every failure of this package. */
export class SessionsError extends Schema.TaggedError<SessionsError>()("SessionsError", {
  /** The page that was asked for, 1-based; absent when the failure is not about one page. */
  page: Schema.optionalKey(Schema.Int),
  reason: SessionsErrorReason
}) {
  override get message() {
    const where = this.page === undefined ? "" : `page ${this.page}: `
    const id = this.requestId === undefined ? "" : ` [request id ${this.requestId}]`
    return `${where}${this.reason.message}${id}`
  }

  /** Whether the same request may succeed later. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }

  /** The server's id of the request that failed. */
  get requestId(): string | undefined {
    return "requestId" in this.reason ? this.reason.requestId : undefined
  }
}

const networkProblems: Record<NetworkProblem, readonly [why: string, remedy: (code: string) => string]> = {
  certificate: [
    "its TLS certificate is not valid",
    (code) =>
      /EXPIRED|NOT_YET/.test(code)
        ? "check the clock of this machine, and have the certificate renewed"
        : /ALTNAME|HOSTNAME/.test(code)
          ? "the certificate is for another name: check the host in the base URL"
          : "its issuer is not trusted here: check the base URL, or trust the issuer with NODE_EXTRA_CA_CERTS"
  ],
  "unknown-host": ["the host is not known", () => "check the host in the base URL, and this machine's DNS"],
  "wrong-protocol": [
    "the port speaks another protocol",
    () => "check the port of the base URL, and whether it begins with https:// or http://"
  ],
  proxy: ["the proxy rejects the request", () => "check the user and the password in the URL of the proxy"]
}

const statusText = (status: number | undefined) => (status === undefined ? "" : ` (HTTP ${status})`)

const attempts = (count: number) => (count === 1 ? "1 attempt" : `${count} attempts`)

const said = (text: string) => (text === "" ? "" : `: ${text}`)

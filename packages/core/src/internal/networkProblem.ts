/**
 * Which failures to reach a server will not pass by waiting, told by the codes along the chain of causes.
 */
import * as Predicate from "effect/Predicate"
import type { NetworkProblem } from "../SessionsError.ts"

/** What is known of a failure without an answer. */
export interface NetworkFailure {
  /** Absent when the failure may pass. */
  readonly problem?: NetworkProblem
  /** The first `code`, such as `ECONNREFUSED`: short, and free of addresses and headers. */
  readonly code: string | undefined
}

const CERTIFICATE =
  /^(?:CERT_|ERR_TLS_CERT|UNABLE_TO_(?:GET_ISSUER|VERIFY)|INVALID_(?:CA|PURPOSE)$)|SELF_SIGNED_CERT|^(?:HOSTNAME_MISMATCH|PATH_LENGTH_EXCEEDED)$/

// EAI_AGAIN is a resolver that did not answer; these say that there is no such name.
const UNKNOWN_HOST = /^(?:ENOTFOUND|ENODATA|EAI_NONAME|EAI_NODATA)$/

// A parser that meets an answer of another protocol fails at its first line; one that fails later met a cut answer.
const WRONG_PROTOCOL = /^(?:EPROTO|ERR_SSL_.*|HPE_INVALID_(?:CONSTANT|VERSION)|ERR_INVALID_PROTOCOL)$/

// What a server that starts or stops may say in TLS, or a connection that was damaged on its way.
const PASSING_TLS = /internal.error|bad.record.mac|decryption.failed|unexpected.eof/i

const MOST_CAUSES = 8

/** Looks at an error and what caused it. */
export const networkProblem = (error: unknown): NetworkFailure => {
  let code: string | undefined
  for (let cause = error, depth = 0; Predicate.isObject(cause) && depth < MOST_CAUSES; depth++) {
    const own = Predicate.hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : undefined
    code ??= own
    const text = Predicate.hasProperty(cause, "message") && typeof cause.message === "string" ? cause.message : ""
    const isRejected =
      own === "ERR_PROXY_TUNNEL" && Predicate.hasProperty(cause, "statusCode") && isProxyRule(cause.statusCode)
    const problem = isRejected ? "proxy" : problemOf(own ?? "", text)
    if (problem !== undefined) return { problem, code: own ?? (cause instanceof Error ? cause.name : code) }
    cause = Predicate.hasProperty(cause, "cause") ? cause.cause : undefined
  }
  return { code }
}

/** The statuses by which a proxy rejects a tunnel, rather than fails to make one. */
const isProxyRule = (status: unknown): boolean => [401, 403, 405, 407].some((one) => one === status)

const problemOf = (code: string, message: string): NetworkProblem | undefined => {
  if (CERTIFICATE.test(code)) return "certificate"
  if (UNKNOWN_HOST.test(code)) return "unknown-host"
  if (WRONG_PROTOCOL.test(code) && !PASSING_TLS.test(`${code} ${message}`)) return "wrong-protocol"
  // undici gives these no code of their own.
  if (message.includes("Expected HTTP/")) return "wrong-protocol"
  return /^Proxy response \(40[1357]\)/.test(message) ? "proxy" : undefined
}

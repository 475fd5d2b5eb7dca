/**
 * What an answer of the object store means, where it is not the one that was asked for.
 */
import { retryAfterOf } from "@hb-sessions/core/retrySchedule"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { type AttemptFailed, Permanent, Transient } from "./AttemptFailed.ts"
import * as S3Error from "./S3Error.ts"
import * as S3Xml from "./S3Xml.ts"

/** An answer of the store, read to its end. */
export interface S3Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
}

/** What was asked for, as far as the meaning of its answer depends on it. */
export interface Asked {
  readonly bucket: string
  readonly region: string
  readonly permissions: string
  /** Where the credentials come from, by what is wrong with them. */
  readonly sources: { readonly keyId: string; readonly secret: string; readonly token: string }
  /** What no message may repeat. */
  readonly secrets: ReadonlyArray<Redacted.Redacted>
  /** The clock of this machine, in milliseconds. */
  readonly now: number
}

/** Codes that pass, whatever the status. */
const TRANSIENT_CODES = new Set([
  "BandwidthLimitExceeded",
  "ConditionalRequestConflict",
  "InternalError",
  "OperationAborted",
  "RequestLimitExceeded",
  "RequestThrottled",
  "RequestTimeout",
  "ServiceUnavailable",
  "SlowDown",
  "Throttling",
  "ThrottlingException",
  "TooManyRequests"
])

const TRANSIENT_STATUSES = new Set([408, 425, 429, 500, 502, 503, 504])

const REGION_CODES = new Set([
  "AuthorizationHeaderMalformed",
  "IllegalLocationConstraintException",
  "PermanentRedirect",
  "TemporaryRedirect"
])

/** Why the answer is a failure. */
export const classify = (answer: S3Answer, asked: Asked): AttemptFailed => {
  const word = (text: string) => wordOf(text, asked.secrets)
  const error = Option.filter(S3Xml.parse(answer.body), ({ name }) => name === "Error")
  const told = (child: string) => Option.flatMap(error, ({ text }) => text(child))
  const code = word(Option.getOrElse(told("Code"), () => ""))
  const id = answer.headers["x-amz-request-id"] ?? Option.getOrUndefined(told("RequestId"))
  const requestId = id === undefined ? undefined : word(id)
  const { status } = answer
  if (TRANSIENT_CODES.has(code) || TRANSIENT_STATUSES.has(status)) {
    return new Transient({
      detail: `HTTP ${status}${code === "" ? "" : ` ${code}`}`,
      retryAfterMillis: retryAfterOf(answer.headers, asked.now),
      requestId
    })
  }
  const region = answer.headers["x-amz-bucket-region"] ?? Option.getOrUndefined(told("Region"))
  const reason = reasonOf(answer, asked, code, region === undefined ? undefined : word(region))
  return new Permanent({ reason, code, requestId })
}

const reasonOf = (answer: S3Answer, asked: Asked, code: string, actual: string | undefined): S3Error.S3ErrorReason => {
  const { sources } = asked
  const rejected = (source: string) =>
    new S3Error.CredentialsRejected({ source, code: code === "" ? `HTTP ${answer.status}` : code })
  if (REGION_CODES.has(code) || (answer.status === 301 && actual !== undefined)) {
    if (actual === asked.region && code !== "AuthorizationHeaderMalformed") return unexpected(answer, code)
    return new S3Error.WrongRegion({ region: asked.region, ...(actual === undefined ? {} : { actual }) })
  }
  switch (code) {
    case "NoSuchBucket":
      return new S3Error.NoSuchBucket({ bucket: asked.bucket })
    case "NoSuchKey":
    case "NoSuchUpload":
      return new S3Error.NotFound()
    case "PreconditionFailed":
      return new S3Error.PreconditionFailed()
    case "InvalidAccessKeyId":
      return rejected(sources.keyId)
    case "SignatureDoesNotMatch":
      return rejected(sources.secret)
    case "ExpiredToken":
    case "ExpiredTokenException":
    case "InvalidToken":
    case "TokenRefreshRequired":
      return rejected(sources.token)
    case "RequestTimeTooSkewed":
      return skew(answer, asked.now)
    case "AccessDenied":
    case "AccountProblem":
    case "AllAccessDisabled":
      return new S3Error.AccessDenied({ permissions: asked.permissions })
  }
  if (answer.status === 412) return new S3Error.PreconditionFailed()
  if (answer.status === 401) return rejected(`${sources.keyId} and ${sources.secret}`)
  return unexpected(answer, code)
}

const skew = (answer: S3Answer, now: number) => {
  const time = Date.parse(answer.headers["date"] ?? "")
  return new S3Error.ClockSkew(Number.isNaN(time) ? {} : { aheadMillis: now - time })
}

const unexpected = ({ headers, status }: S3Answer, code: string) => {
  const what = `HTTP ${status}${code === "" ? "" : ` ${code}`}`
  const location = headers["location"] ?? ""
  const to = URL.canParse(location) ? ` to ${new URL(location).host}` : ""
  if (status >= 300 && status < 400) {
    return new S3Error.Unexpected({
      detail: `unexpected redirect${to} (${what}), which is not followed; check AWS_REGION and AWS_ENDPOINT_URL_S3`
    })
  }
  const hint = code === "" ? "; what answered may not be an object store: check AWS_ENDPOINT_URL_S3" : ""
  return new S3Error.Unexpected({ detail: `unexpected answer ${what}${hint}` })
}

/** What a server calls something: printable, short, without blanks; nothing if it repeats a secret. */
const wordOf = (text: string, secrets: ReadonlyArray<Redacted.Redacted>): string =>
  secrets.some((secret) => text.includes(Redacted.value(secret))) ? "" : text.replace(/[^\w.:/+=-]/g, "").slice(0, 80)

/**
 * The one error of the object store, and the reasons it can have.
 *
 * Match a reason with `Effect.catchReason("S3Error", "PreconditionFailed", …)`. No reason holds a secret, the
 * `authorization` header, or a body.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { exitCodes } from "../exitCodes.ts"

/** The object is absent: 404 where it had to be there, such as for `If-Match`. */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", {}) {
  override get message() {
    return "it does not exist"
  }
}

/** HTTP 412: there is an object already, or another one than expected. After a retried write it can be the first attempt's. */
export class PreconditionFailed extends Schema.TaggedError<PreconditionFailed>()("PreconditionFailed", {}) {
  override get message() {
    return "the condition of the write does not hold (HTTP 412)"
  }
}

/** The bucket does not exist. */
export class NoSuchBucket extends Schema.TaggedError<NoSuchBucket>()("NoSuchBucket", { bucket: Schema.String }) {
  override get message() {
    return `the bucket ${this.bucket} does not exist; create it, or correct its name`
  }
}

/** The bucket is in another region than the request was signed for. */
export class WrongRegion extends Schema.TaggedError<WrongRegion>()("WrongRegion", {
  /** The region that was used. */
  region: Schema.String,
  /** The region that the store names; absent when it names none. */
  actual: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    return this.actual === undefined
      ? `the bucket is not in the region ${this.region}; set AWS_REGION to the bucket's region`
      : `the bucket is in the region ${this.actual}, not ${this.region}; set AWS_REGION=${this.actual}`
  }
}

/** There are no credentials, or they could not be fetched. */
export class CredentialsMissing extends Schema.TaggedError<CredentialsMissing>()("CredentialsMissing", {
  /** What is missing, and what to do. */
  detail: Schema.String
}) {
  override get message() {
    return `no credentials for the object store: ${this.detail}`
  }
}

/** The store does not accept the credentials. */
export class CredentialsRejected extends Schema.TaggedError<CredentialsRejected>()("CredentialsRejected", {
  /** Where they come from: the variable that is wrong, or the service that gave them. */
  source: Schema.String,
  /** The store's word for it, such as `InvalidAccessKeyId`. */
  code: Schema.String
}) {
  override get message() {
    return `the object store rejected the credentials (${this.code}); check ${this.source}`
  }
}

/** The credentials are good, but may not do this. */
export class AccessDenied extends Schema.TaggedError<AccessDenied>()("AccessDenied", {
  /** The permissions that the action needs, such as `s3:PutObject`. */
  permissions: Schema.String
}) {
  override get message() {
    return `access denied; the credentials need ${this.permissions}`
  }
}

/** The clock of this machine is too far from the store's. */
export class ClockSkew extends Schema.TaggedError<ClockSkew>()("ClockSkew", {
  /** How far it is ahead of the store's, in milliseconds; absent when the store did not tell its time. */
  aheadMillis: Schema.optionalKey(Schema.Finite)
}) {
  override get message() {
    const ahead = this.aheadMillis
    const how =
      ahead === undefined
        ? "is too far from"
        : `is ${Math.round(Math.abs(ahead) / 1000)} s ${ahead > 0 ? "ahead of" : "behind"}`
    return `the clock of this machine ${how} the object store's; correct it`
  }
}

/** No usable answer after all retries: 429, 5xx, no connection, a cut connection, no answer in time. */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {
  /** Requests sent, the first included. */
  attempts: Schema.Int,
  /** What the last of them met. */
  detail: Schema.String,
  /** What helps; absent when waiting does. */
  remedy: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    const after = this.attempts === 1 ? "1 attempt" : `${this.attempts} attempts`
    return `the object store could not be reached after ${after} (${this.detail}); ${this.remedy ?? "try again later"}`
  }
}

/** An answer that S3 does not give, or a file that is not as it was said to be. */
export class Unexpected extends Schema.TaggedError<Unexpected>()("Unexpected", { detail: Schema.String }) {
  override get message() {
    return this.detail
  }
}

/** Schema for every reason. */
export const S3ErrorReason = Schema.Union([
  NotFound,
  PreconditionFailed,
  NoSuchBucket,
  WrongRegion,
  CredentialsMissing,
  CredentialsRejected,
  AccessDenied,
  ClockSkew,
  Unreachable,
  Unexpected
])
export type S3ErrorReason = typeof S3ErrorReason.Type

/** A failure of the object store. */
export class S3Error extends Schema.TaggedError<S3Error>()("S3Error", {
  /** What was done, in the store's words, such as `PutObject`. */
  action: Schema.String,
  /** What it was done to, such as `s3://bucket/prefix/key`. */
  target: Schema.String,
  /** The store's word for the failure, such as `NotImplemented`; absent when it had none. */
  code: Schema.optionalKey(Schema.String),
  /** The store's id of the request, to quote to its operator; absent when it sent none. */
  requestId: Schema.optionalKey(Schema.String),
  reason: S3ErrorReason
}) {
  override get message() {
    const id = this.requestId === undefined ? "" : ` (request ${this.requestId})`
    return `${this.target}: ${this.action}: ${this.reason.message}${id}`
  }
}

const codeOfReason: Record<S3ErrorReason["_tag"], number> = {
  NotFound: exitCodes.invalidResponse,
  PreconditionFailed: exitCodes.invalidResponse,
  NoSuchBucket: exitCodes.usage,
  WrongRegion: exitCodes.usage,
  CredentialsMissing: exitCodes.auth,
  CredentialsRejected: exitCodes.auth,
  AccessDenied: exitCodes.auth,
  ClockSkew: exitCodes.usage,
  Unreachable: exitCodes.disk,
  Unexpected: exitCodes.invalidResponse
}

/** The failure as it is shown, with its exit code. */
export const toAppError = (error: S3Error): AppError =>
  new AppError({ message: error.message, exitCode: codeOfReason[error.reason._tag] })
/** Turns every failure of the store into one that is shown, with its exit code. */
export const orAppError = <A, E, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, Exclude<E, S3Error> | AppError, R> =>
  Effect.mapError(self, (error) =>
    // No failure of the store is left in it.
    error instanceof S3Error ? toAppError(error) : (error as Exclude<E, S3Error>)
  )

/**
 * Signed requests to one bucket, and what their answers mean.
 */
import { AwsV4Signer } from "aws4fetch"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Redacted from "effect/Redacted"
import { type AttemptFailed, Permanent, Transient } from "./AttemptFailed.ts"
import { classify, type S3Answer } from "./classify.ts"
import type { Credentials } from "./Credentials.ts"
import { exchange, type Incoming, type Outgoing, type S3Body } from "./exchange.ts"
import { readBody } from "./readBody.ts"
import { retrying } from "./retrying.ts"
import type { S3Credentials } from "./S3Credentials.ts"
import { S3Error, Unexpected } from "./S3Error.ts"
import { format, fullKey, type S3Location } from "./S3Location.ts"
import type { S3Limits, S3Settings } from "./S3Settings.ts"
import { bucketUrl, urlOf } from "./S3Url.ts"

/** What every request to a bucket needs. */
export interface S3Connection {
  readonly http: HttpClient.HttpClient
  readonly location: S3Location
  readonly settings: S3Settings
  readonly credentials: S3Credentials
  readonly limits: S3Limits
}

/** What is asked of the store. */
export interface S3Request {
  /** The store's word for it, such as `PutObject`. */
  readonly action: string
  /** The permissions that it needs, for people. */
  readonly permissions: string
  readonly method: Outgoing["method"]
  /** Below the location's prefix; absent for the bucket. */
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: S3Body
  /** In milliseconds; that of the limits by default. */
  readonly idleMillis?: number
}

/** The longest body of a failure that is read, in bytes. */
const MAX_ERROR_BYTES = 256 * 1024

/** The SHA-256 of nothing. */
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/** Takes an answer whose status is 2xx; `meaning` is what it means if it is a failure all the same. */
export type Take<A> = (
  incoming: Incoming,
  meaning: (answer: S3Answer) => AttemptFailed
) => Effect.Effect<A, AttemptFailed | PlatformError>

/**
 * Sends a request, again and again if need be, and takes its answer.
 *
 * The request is made anew for every attempt. `take` fails with `Transient` for another one.
 */
export const stream = <A>(
  connection: S3Connection,
  request: () => S3Request,
  take: Take<A>
): Effect.Effect<A, S3Error | PlatformError> =>
  Effect.suspend(() => {
    let isRenewed = false
    const attempt = Effect.gen(function* () {
      const asked = request()
      const credentials = yield* connection.credentials.current
      const now = yield* Clock.currentTimeMillis
      const meaning = (answer: S3Answer) =>
        classify(answer, {
          bucket: connection.location.bucket,
          region: connection.settings.region,
          permissions: asked.permissions,
          sources: credentials.sources,
          secrets: [credentials.secret, ...Option.toArray(credentials.token)],
          now
        })
      const outcome = exchange(connection.http, yield* sign(connection, asked, credentials, now), (incoming) =>
        incoming.status >= 200 && incoming.status < 300
          ? take(incoming, meaning)
          : Effect.flatMap(readError(incoming), (body) => Effect.fail(meaning({ ...incoming, body })))
      )
      return yield* Effect.catchTag(outcome, "Permanent", (failed) => {
        if (failed.reason._tag !== "CredentialsRejected" || isRenewed) return Effect.fail(failed)
        isRenewed = true
        return Effect.flatMap(connection.credentials.renew(credentials), (hasOthers) =>
          Effect.fail(hasOthers ? new Transient({ detail: failed.reason.message }) : failed)
        )
      })
    })
    return Effect.catchTag(retrying(attempt, connection.limits), "Permanent", (failed) =>
      Effect.fail(toS3Error(connection.location, request(), failed))
    )
  })

/** As `stream`, where no file is sent or written. */
export const send = <A>(connection: S3Connection, request: S3Request, take: Take<A>): Effect.Effect<A, S3Error> =>
  Effect.catchTag(
    stream(connection, () => request, take),
    "PlatformError",
    (error) => Effect.die(error)
  )

/** The error of an attempt as it is told. */
export const toS3Error = (
  location: S3Location,
  { action, key }: Pick<S3Request, "action" | "key">,
  { code, reason, requestId }: Permanent
): S3Error =>
  new S3Error({
    action,
    target: format(location, key),
    reason,
    ...(code === undefined || code === "" ? {} : { code }),
    ...(requestId === undefined ? {} : { requestId })
  })

/** The failure of an answer that S3 does not give. */
export const unexpected = (detail: string): Permanent => new Permanent({ reason: new Unexpected({ detail }) })

/** The body of a failure; none if it is too long, as its status says enough. */
const readError = (incoming: Incoming) =>
  Effect.catchTag(readBody(incoming, MAX_ERROR_BYTES), "Permanent", () => Effect.succeed(new Uint8Array()))

const sign = (connection: S3Connection, request: S3Request, credentials: Credentials, now: number) => {
  const { body, headers, idleMillis, key, method, query } = request
  const { limits, location, settings } = connection
  const url = urlOf(bucketUrl(location, settings), key === undefined ? undefined : fullKey(location, key), query ?? {})
  const sessionToken = Option.getOrUndefined(Option.map(credentials.token, Redacted.value))
  const signer = new AwsV4Signer({
    method,
    url,
    headers: { ...headers, "x-amz-content-sha256": body?.sha256 ?? EMPTY },
    accessKeyId: Redacted.value(credentials.keyId),
    secretAccessKey: Redacted.value(credentials.secret),
    ...(sessionToken === undefined ? {} : { sessionToken }),
    service: "s3",
    region: settings.region,
    datetime: new Date(now).toISOString().replace(/[:-]|\.\d{3}/g, "")
  })
  return Effect.map(
    Effect.promise(() => signer.sign()),
    (signed): Outgoing => ({
      method,
      url,
      headers: Object.fromEntries(signed.headers),
      body,
      idleMillis: idleMillis ?? limits.idleMillis
    })
  )
}

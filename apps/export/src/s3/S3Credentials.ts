/**
 * The credentials of the object store, from the variables that every client of S3 reads.
 *
 * In this order: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`; the web identity of EKS; the credentials of a
 * container. Neither profiles in files nor the metadata service of EC2 are asked.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import * as Clock from "effect/Clock"
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as HttpClient from "effect/http/HttpClient"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Semaphore from "effect/Semaphore"
import type { Permanent } from "./AttemptFailed.ts"
import { containerSource } from "./containerSource.ts"
import { type Credentials, type CredentialSource, missing } from "./Credentials.ts"
import { type S3Limits, variable } from "./S3Settings.ts"
import { webIdentitySource } from "./webIdentitySource.ts"

/** The credentials as they are now. */
export interface S3Credentials {
  /** Fetches them when there are none, or when they are about to expire. */
  readonly current: Effect.Effect<Credentials, Permanent>
  /** Forgets credentials that were rejected; false if there can be no others. */
  readonly renew: (rejected: Credentials) => Effect.Effect<boolean>
}

/** How long before their end credentials are renewed, in milliseconds. */
const RENEW_BEFORE = 300_000

/** Finds out where the credentials come from; asks for none. */
export const make = (
  region: string,
  limits: S3Limits
): Effect.Effect<
  S3Credentials,
  Permanent | AppError | Config.ConfigError,
  HttpClient.HttpClient | FileSystem.FileSystem
> =>
  Effect.gen(function* () {
    const fixed = yield* fixedCredentials
    if (Option.isSome(fixed)) {
      return { current: Effect.succeed(fixed.value), renew: () => Effect.succeed(false) }
    }
    const webIdentity = yield* webIdentitySource(region, limits)
    const source = Option.isSome(webIdentity) ? webIdentity : yield* containerSource(limits)
    return Option.isSome(source)
      ? yield* kept(source.value)
      : yield* missing("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
  })

/** Credentials that are fetched once for all that wait for them, and kept until they are about to expire. */
const kept = Effect.fnUntraced(function* (source: CredentialSource) {
  const known = yield* Ref.make(Option.none<Credentials>())
  const semaphore = yield* Semaphore.make(1)
  const fetch = Effect.tap(source, (found) => Ref.set(known, Option.some(found)))
  const current = Effect.gen(function* () {
    const found = yield* Ref.get(known)
    if (Option.isNone(found)) return yield* fetch
    const now = yield* Clock.currentTimeMillis
    if (now < found.value.expires - RENEW_BEFORE) return found.value
    // What is still valid serves while its source does not answer.
    return yield* now < found.value.expires ? Effect.orElseSucceed(fetch, () => found.value) : fetch
  })
  return {
    current: semaphore.withPermits(1)(current),
    renew: (rejected: Credentials) =>
      Effect.as(
        Ref.update(known, (found) => Option.filter(found, (other) => other !== rejected)),
        true
      )
  }
})

const fixedCredentials = Effect.gen(function* () {
  const keyId = yield* variable("AWS_ACCESS_KEY_ID")
  const secret = yield* variable("AWS_SECRET_ACCESS_KEY")
  const token = yield* variable("AWS_SESSION_TOKEN")
  if (Option.isNone(keyId) && Option.isNone(secret)) return Option.none<Credentials>()
  if (Option.isNone(keyId)) return yield* missing("AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not")
  if (Option.isNone(secret)) return yield* missing("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not")
  for (const [name, value] of [
    ["AWS_ACCESS_KEY_ID", keyId.value],
    ["AWS_SECRET_ACCESS_KEY", secret.value],
    ["AWS_SESSION_TOKEN", Option.getOrElse(token, () => "")]
  ] as const) {
    if (!/^[\x21-\x7e]*$/.test(value)) {
      return yield* missing(`${name} contains a space or another character that no key has; set it again`)
    }
  }
  return Option.some<Credentials>({
    keyId: Redacted.make(keyId.value),
    secret: Redacted.make(secret.value),
    token: Option.map(token, (text) => Redacted.make(text)),
    expires: Infinity,
    sources: { keyId: "AWS_ACCESS_KEY_ID", secret: "AWS_SECRET_ACCESS_KEY", token: "AWS_SESSION_TOKEN" }
  })
})

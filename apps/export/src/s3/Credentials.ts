/**
 * What requests are signed with.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { Permanent } from "./AttemptFailed.ts"
import { CredentialsMissing } from "./S3Error.ts"

/** What requests are signed with. */
export interface Credentials {
  readonly keyId: Redacted.Redacted
  readonly secret: Redacted.Redacted
  readonly token: Option.Option<Redacted.Redacted>
  /** In milliseconds since 1970; infinite if they do not expire. */
  readonly expires: number
  /** What to check when the store rejects the key's id, the secret or the token. */
  readonly sources: { readonly keyId: string; readonly secret: string; readonly token: string }
}

/** Something that gives credentials for some time. */
export type CredentialSource = Effect.Effect<Credentials, Permanent>

/** That there are no credentials, with what is missing and what to do. */
export const noCredentials = (detail: string): Permanent =>
  new Permanent({ reason: new CredentialsMissing({ detail }) })

/** Fails for want of credentials. */
export const missing = (detail: string): Effect.Effect<never, Permanent> => Effect.fail(noCredentials(detail))

/** Credentials as a service gives them; none if something is missing. */
export const temporary = (
  given: {
    readonly keyId: unknown
    readonly secret: unknown
    readonly token: unknown
    readonly expiration: unknown
  },
  source: string
): Option.Option<Credentials> => {
  const { expiration, keyId, secret, token } = given
  if (!isText(keyId) || !isText(secret) || !isText(token) || !isText(expiration)) return Option.none()
  return Option.map(DateTime.make(expiration), ({ epochMilliseconds }) => ({
    keyId: Redacted.make(keyId),
    secret: Redacted.make(secret),
    token: Option.some(Redacted.make(token)),
    expires: epochMilliseconds,
    sources: { keyId: source, secret: source, token: source }
  }))
}

const isText = (value: unknown): value is string => typeof value === "string" && /^[\x21-\x7e]+$/.test(value)

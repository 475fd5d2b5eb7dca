/**
 * The tokens that clients of the proxy have: what they look like, what is kept of them, and how one is checked.
 *
 * A token is `hbs_`, 16 hexadecimal digits that name it, `_`, and 43 characters of 256 random bits. Only the SHA-256 of
 * the whole is kept: enough entropy that neither salt nor a slow hash would add anything.
 */
import { namePattern } from "@hb-sessions/app-kit/Accounts"
import * as Schema from "effect/Schema"
import { hash, randomBytes, timingSafeEqual } from "node:crypto"

/** What a token lets its bearer do. */
export const Scope = Schema.Literals(["read"])
export type Scope = typeof Scope.Type

/** The last moment that a date can be. */
const LAST_MILLIS = 8.64e15

/** Schema for a time in epoch milliseconds. */
export const Millis = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: LAST_MILLIS }))

/** Schema for the name of an account. */
export const AccountName = Schema.String.check(
  Schema.isPattern(namePattern, {
    expected: "1 to 63 characters from a-z, 0-9 and -, not beginning with -"
  })
)

/** Schema for what is kept of a token; times are epoch milliseconds. */
export const TokenRecord = Schema.Struct({
  id: Schema.String.check(Schema.isPattern(/^[0-9a-f]{16}$/)),
  name: Schema.String.check(
    Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, {
      expected: "a letter or digit, then up to 62 letters, digits, dots, dashes and underscores"
    })
  ),
  /** SHA-256 of the token, base64url. */
  sha256: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{43}$/)),
  /** The account whose sessions it reads; absent for that of a single key. */
  account: Schema.optionalKey(AccountName),
  scopes: Schema.NonEmptyArray(Scope),
  /** The statuses that may be asked for; absent for all, and for lists without a filter. */
  statuses: Schema.optionalKey(Schema.NonEmptyArray(Schema.NonEmptyString)),
  /** Requests a second, 0 for no limit; absent for the server's default. */
  rate: Schema.optionalKey(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))),
  createdAt: Millis,
  expiresAt: Schema.optionalKey(Millis),
  /** When it was revoked: it has ended for good, also where the time of day is another. */
  revokedAt: Schema.optionalKey(Millis),
  /** Until when it can still be used beside the token that took its place. */
  overlapUntil: Schema.optionalKey(Millis)
}).annotate({ identifier: "TokenRecord" })
export type TokenRecord = typeof TokenRecord.Type

/** Schema for the tokens file. */
export const TokenList = Schema.Struct({
  version: Schema.Literal(1),
  tokens: Schema.Array(TokenRecord)
})
export type TokenList = typeof TokenList.Type

const PREFIX = "hbs_"
const ID_BYTES = 8
const SECRET_BYTES = 32
const ID_END = PREFIX.length + ID_BYTES * 2

const digest = (token: string): Buffer => hash("sha256", token, "buffer")

/** Makes a token and what is kept of it. */
export const generate = (
  settings: Omit<TokenRecord, "id" | "sha256">
): { readonly token: string; readonly record: TokenRecord } => {
  const id = randomBytes(ID_BYTES).toString("hex")
  const token = `${PREFIX}${id}_${randomBytes(SECRET_BYTES).toString("base64url")}`
  return { token, record: { ...settings, id, sha256: digest(token).toString("base64url") } }
}

/** Whether a token can be used. */
export type TokenState = "active" | "expired" | "revoked"

/** The state at a time in epoch milliseconds. */
export const stateOf = (record: TokenRecord, now: number): TokenState => {
  if (record.revokedAt !== undefined) return "revoked"
  if (record.overlapUntil !== undefined && record.overlapUntil <= now) return "revoked"
  return record.expiresAt !== undefined && record.expiresAt <= now ? "expired" : "active"
}

/** Who a request comes from. */
export interface Client {
  readonly id: string
  readonly name: string
  /** The account whose sessions it may see; undefined for that of a single key. */
  readonly account: string | undefined
  /** Undefined for all. */
  readonly statuses: ReadonlySet<string> | undefined
  /** Requests a second; undefined for the server's default. */
  readonly rate: number | undefined
  /** SHA-256 of its token, base64url: a token that took the name of another is another client. */
  readonly sha256: string
}

/** The client of a proxy that asks for no tokens. */
export const anonymous: Client = {
  id: "anonymous",
  name: "anonymous",
  account: undefined,
  statuses: undefined,
  rate: undefined,
  sha256: ""
}

const NO_DIGEST = Buffer.alloc(32)

/** Tokens whose proof is remembered. */
const MAX_REMEMBERED = 1000

/** Finds the client of a credential; undefined for one that is unknown, expired or revoked. */
export type Authenticate = (credential: string, now: number) => Client | undefined

/** What became of a client since it was found: it may do as much as then, less, or nothing. */
export type Standing = "same" | "less" | "ended"

/** Tells what became of a client, at a time in epoch milliseconds. */
export type StandingOf = (client: Client, now: number) => Standing

/** The checks for a list of tokens, and the list. */
export interface Authenticator {
  readonly authenticate: Authenticate
  readonly standingOf: StandingOf
  readonly records: ReadonlyArray<TokenRecord>
}

/**
 * Makes the checks for a list of tokens.
 *
 * **Details**
 *
 * The name in the token finds the record; what proves anything is compared in constant time. A credential of any form
 * costs one hash and one comparison, once: tokens that are valid are known by themselves after that, up to
 * `MAX_REMEMBERED` of them, until the list is read anew. They are found by a hash of all their characters, so that the
 * time tells nothing of a token that is nearly right.
 */
export const authenticator = ({ tokens }: TokenList): Authenticator => {
  const known = new Map(
    tokens.map((record) => [
      record.id,
      {
        record,
        digest: Buffer.from(record.sha256, "base64url"),
        client: {
          id: record.id,
          name: record.name,
          account: record.account,
          statuses: record.statuses === undefined ? undefined : new Set<string>(record.statuses),
          rate: record.rate,
          sha256: record.sha256
        } satisfies Client
      }
    ])
  )
  type Entry = typeof known extends Map<string, infer Value> ? Value : never
  const proven = new Map<string, Entry>()
  const prove = (credential: string): Entry | undefined => {
    const entry = known.get(credential.slice(PREFIX.length, ID_END))
    const isEqual = timingSafeEqual(digest(credential), entry?.digest ?? NO_DIGEST)
    if (!isEqual || entry === undefined) return undefined
    if (proven.size >= MAX_REMEMBERED) proven.clear()
    proven.set(credential, entry)
    return entry
  }
  return {
    records: tokens,
    authenticate: (credential, now) => {
      const entry = proven.get(credential) ?? prove(credential)
      return entry !== undefined && stateOf(entry.record, now) === "active" ? entry.client : undefined
    },
    standingOf: (client, now) => {
      const entry = known.get(client.id)
      if (entry === undefined || entry.client.sha256 !== client.sha256) return "ended"
      if (entry.client.account !== client.account) return "ended"
      if (stateOf(entry.record, now) !== "active") return "ended"
      return includesAll(entry.client.statuses, client.statuses) ? "same" : "less"
    }
  }
}

const includesAll = (statuses: Client["statuses"], wanted: Client["statuses"]): boolean =>
  statuses === undefined || (wanted !== undefined && [...wanted].every((status) => statuses.has(status)))

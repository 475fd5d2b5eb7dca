/**
 * What a resume token says, and its text.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { ResumeToken } from "../../ResumeToken.ts"
import { InvalidResumeToken, SessionsError } from "../../SessionsError.ts"
import { Digest } from "./Digest.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** Schema for what a token says; it changes with the version. */
export const Position = Schema.Struct({
  /** What was asked for, as canonical text: a token of another query is refused. */
  query: Schema.String,
  /** The last page of the list that was delivered, 1-based; 0 for none. */
  page: Count,
  /** Sessions on a full page; 0 while not known. */
  pageSize: Count,
  /** `totalCount` when the page was delivered; absent when the server does not tell. */
  total: Schema.optionalKey(Count),
  /** The first id of the list, as delivered; absent for none. */
  first: Schema.optionalKey(Schema.String),
  /** Different ids delivered, in the order of the list. */
  rows: Count,
  /** Digest of those ids. */
  digest: Schema.String.check(Schema.isPattern(/^[0-9a-f]{32}$/)),
  /** The ids delivered last. */
  tail: Schema.Array(Schema.String)
})
export type Position = typeof Position.Type

/** The version is outside of the encoding, so that a token of another one can be told from a damaged one. */
const VERSION = "hbs1"

const Payload = Schema.StringFromBase64Url.pipe(Schema.decodeTo(Schema.fromJsonString(Position)))
const encodePayload = Schema.encodeSync(Payload)
const decodePayload = Schema.decodeUnknownResult(Payload)

/** Writes a token. */
export const encode = (position: Position): ResumeToken => {
  const payload = encodePayload(position)
  return ResumeToken.make(`${VERSION}.${checksum(payload)}.${payload}`)
}

/** Reads a token for a query; fails with `InvalidResumeToken` if it is not one of this version and this query. */
export const decode = (token: string, query: string): Effect.Effect<Position, SessionsError> => {
  const [version = "", sum, payload = "", ...rest] = token.trim().split(".")
  if (version !== VERSION) {
    return refuse(/^hbs\d+$/.test(version) ? `it is of version ${version}, not ${VERSION}` : "it is not one")
  }
  if (rest.length > 0 || sum !== checksum(payload)) return refuse("it is damaged")
  return Result.match(decodePayload(payload), {
    onFailure: () => refuse("it is damaged"),
    onSuccess: (position) => (position.query === query ? Effect.succeed(position) : refuse("it is of another query"))
  })
}

const refuse = (detail: string) => Effect.fail(new SessionsError({ reason: new InvalidResumeToken({ detail }) }))

/** Tokens are copied by hand and cut by terminals. */
const checksum = (payload: string): string => {
  const digest = new Digest()
  digest.add(payload)
  return digest.toString().slice(0, 8)
}

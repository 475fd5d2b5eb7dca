/**
 * Whose sessions are exported: two accounts must never meet in one export.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { hash, randomBytes } from "node:crypto"
import { exitCodes } from "../exitCodes.ts"

/** Most teams that are told; nobody has so many, and a manifest must stay small. */
const MAX_TEAMS = 1000

/** Schema for an API key that can be recognised but not found out. */
export const Fingerprint = Schema.Struct({
  salt: Schema.String.check(Schema.isPattern(/^[0-9a-f]{32}$/)),
  digest: Schema.String.check(Schema.isPattern(/^[0-9a-f]{16}$/)).annotateKey({
    description: "The first 16 digits of the SHA-256 of the salt, a colon and the API key"
  })
}).annotate({ identifier: "Fingerprint" })
export type Fingerprint = typeof Fingerprint.Type

/** Schema for the account of what is published. */
export const Account = Schema.Struct({
  key: Fingerprint.annotateKey({
    description: "The API key that the sessions were read with; it tells nothing of the key"
  }),
  teams: Schema.Array(Schema.String).annotateKey({
    description: "Every `teamId` of the sessions that were read, sorted; empty where the API sends none"
  })
}).annotate({ identifier: "Account" })
export type Account = typeof Account.Type

/**
 * The fingerprint of a key.
 *
 * One salted digest is enough, and half of it: keys are long and random, so that whoever could guess one would not need
 * the fingerprint; and two directories cannot be compared.
 */
export const fingerprint = (key: Redacted.Redacted, salt: string = randomBytes(16).toString("hex")): Fingerprint => ({
  salt,
  digest: hash("sha256", `${salt}:${Redacted.value(key)}`, "hex").slice(0, 16)
})

/** Whether a fingerprint is that of a key. */
export const isOf = (found: Fingerprint, key: Redacted.Redacted): boolean =>
  fingerprint(key, found.salt).digest === found.digest

/** The teams of two reads of one account together. */
export const joinTeams = (some: ReadonlyArray<string>, others: Iterable<string>): ReadonlyArray<string> =>
  [...new Set([...some, ...others])].toSorted().slice(0, MAX_TEAMS)

/**
 * Rejects sessions of another account than the published one.
 *
 * **Details**
 *
 * The teams decide: a key is rotated, a team stays. Where teams were seen both times, they must have one in common, and
 * then a new key is as good as the old one. Where they were not, the key must be the same.
 */
export const checkSame = Effect.fnUntraced(function* (options: {
  readonly published: Account
  readonly generation: number
  readonly key: Redacted.Redacted
  readonly teams: ReadonlyArray<string>
}) {
  const { generation, key, published, teams } = options
  const isSameKey = isOf(published.key, key)
  const areComparable = published.teams.length > 0 && teams.length > 0
  if (areComparable ? teams.some((team) => published.teams.includes(team)) : isSameKey) {
    if (!isSameKey) yield* Effect.logWarning("the API key is another one than the last time; its team is the same")
    return
  }
  const difference = areComparable
    ? `holds sessions of team ${named(published.teams)}, and those of the API are of team ${named(teams)}`
    : "was exported with another API key, and nothing tells whether its team is the same"
  return yield* new AppError({
    message: `generation ${generation} ${difference}; nothing is published; give the API key of that account or another --out, --accept-account-change if it is the same account all the same, or --full-refresh to replace what is published`,
    exitCode: exitCodes.usage
  })
})

const named = (teams: ReadonlyArray<string>) =>
  teams.length > 3 ? `${teams.slice(0, 3).join(", ")} and ${teams.length - 3} more` : teams.join(", ")

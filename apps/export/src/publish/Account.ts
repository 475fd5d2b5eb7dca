/**
 * The account whose sessions are exported: sessions of two accounts must never end up in one export.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { hash, randomBytes } from "node:crypto"
import { exitCodes } from "../exitCodes.ts"

/** Maximum number of teams recorded, so that the manifest stays small. */
const MAX_TEAMS = 1000

/** Schema for the fingerprint of an API key, which identifies the key without revealing it. */
export const Fingerprint = Schema.Struct({
  salt: Schema.String.check(Schema.isPattern(/^[0-9a-f]{32}$/)),
  digest: Schema.String.check(Schema.isPattern(/^[0-9a-f]{16}$/)).annotateKey({
    description: "The first 16 digits of the SHA-256 of the salt, a colon and the API key"
  })
}).annotate({ identifier: "Fingerprint" })
export type Fingerprint = typeof Fingerprint.Type

/** Schema for the account of the published sessions. */
export const Account = Schema.Struct({
  key: Fingerprint.annotateKey({
    description: "Fingerprint of the API key that the sessions were read with; does not reveal the key"
  }),
  teams: Schema.Array(Schema.String).annotateKey({
    description: "Every `teamId` of the sessions that were read, sorted; empty if the API sends none"
  })
}).annotate({ identifier: "Account" })
export type Account = typeof Account.Type

/**
 * The fingerprint of a key.
 *
 * Half of a salted digest is enough: keys are long and random, so they cannot be guessed from it; and the salt keeps two
 * directories from being compared.
 */
export const fingerprint = (key: Redacted.Redacted, salt: string = randomBytes(16).toString("hex")): Fingerprint => ({
  salt,
  digest: hash("sha256", `${salt}:${Redacted.value(key)}`, "hex").slice(0, 16)
})

/** Whether a fingerprint is that of a key. */
export const isOf = (found: Fingerprint, key: Redacted.Redacted): boolean =>
  fingerprint(key, found.salt).digest === found.digest

/** The union of the teams of two reads. */
export const joinTeams = (some: ReadonlyArray<string>, others: Iterable<string>): ReadonlyArray<string> =>
  [...new Set([...some, ...others])].toSorted().slice(0, MAX_TEAMS)

/** The same sorted teams with one more. It is asked for each session, so it looks at a few of them only. */
export const addTeam = (teams: ReadonlyArray<string>, team: string): ReadonlyArray<string> => {
  let start = 0
  let end = teams.length
  while (start < end) {
    const middle = (start + end) >>> 1
    if (teams[middle]! < team) start = middle + 1
    else end = middle
  }
  return start === MAX_TEAMS || teams[start] === team ? teams : teams.toSpliced(start, 0, team).slice(0, MAX_TEAMS)
}

/**
 * Rejects sessions of another account than the published one.
 *
 * **Details**
 *
 * The teams decide, since keys are rotated and teams stay: if both reads saw teams, they must have one in common, with
 * whatever key. Otherwise the key must be the same.
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
    if (!isSameKey) yield* Effect.logWarning("the API key differs from that of the last run; its team is the same")
    return
  }
  const difference = areComparable
    ? `holds sessions of team ${named(published.teams)}, and the API returned sessions of team ${named(teams)}`
    : "was exported with another API key, and the API does not report whether the team is the same"
  return yield* new AppError({
    message: `generation ${generation} ${difference}; nothing is published; give the API key of that account, another --out, --accept-account-change if the account is the same, or --full-refresh to replace what is published`,
    exitCode: exitCodes.usage
  })
})

const named = (teams: ReadonlyArray<string>) =>
  teams.length > 3 ? `${teams.slice(0, 3).join(", ")} and ${teams.length - 3} more` : teams.join(", ")

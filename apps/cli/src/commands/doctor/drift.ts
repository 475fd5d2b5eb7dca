/**
 * How a page of the API differs from the contract, by the names of its keys; never by their values.
 */
import { firstProblem } from "@hb-sessions/core/firstProblem"
import { knownStatuses } from "@hb-sessions/core/Session"
import * as SessionsCsv from "@hb-sessions/core/SessionsCsv"
import type { DecodedPage } from "@hb-sessions/core/SessionPage"
import * as SessionPageJson from "@hb-sessions/core/SessionPageJson"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { counted } from "../../output/text.ts"

const pageKeys: ReadonlySet<string> = new Set(["sessions", "totalCount", "page", "pageSize", "perPage"])

const keysBelow = (prefix: string): ReadonlySet<string> =>
  new Set(
    SessionsCsv.columns.flatMap((column) =>
      column.startsWith(prefix) ? [column.slice(prefix.length).split(".")[0] ?? ""] : []
    )
  )

const sessionKeys = keysBelow("")
const launchKeys = keysBelow("launchState.")
const statuses: ReadonlySet<unknown> = new Set(knownStatuses)

/** What is new or missing, one text a difference; none when the page is as the contract says. */
export const driftOf = (page: unknown): ReadonlyArray<string> => {
  if (!Predicate.isObject(page)) return []
  const found = new Set<string>()
  const unknownKeys = (value: unknown, known: ReadonlySet<string>, where: string) => {
    if (!Predicate.isObject(value)) return
    for (const key of Object.keys(value)) if (!known.has(key)) found.add(`unknown key ${where}${key}`)
  }
  unknownKeys(page, pageKeys, "")
  if (!Predicate.hasProperty(page, "totalCount")) found.add("no totalCount, so reads of the list prove nothing")
  if (Predicate.hasProperty(page, "page") && Number(page["page"]) === 0) {
    found.add("page is 0 for the first page, not 1; reads take that into account")
  }
  const sessions = Predicate.hasProperty(page, "sessions") && Array.isArray(page["sessions"]) ? page["sessions"] : []
  for (const session of sessions) {
    unknownKeys(session, sessionKeys, "sessions[].")
    if (Predicate.hasProperty(session, "launchState")) {
      unknownKeys(session["launchState"], launchKeys, "sessions[].launchState.")
    }
    if (Predicate.hasProperty(session, "status") && !statuses.has(session["status"])) found.add("unknown status")
  }
  return [...found].toSorted()
}

/** What has no meaning, or is only read because reading is tolerant; one text a kind. */
export const unfitOf = (text: string, page: DecodedPage): ReadonlyArray<string> => {
  const { ignoredValues = {}, unreadableRows = [] } = page
  const found = Object.entries(ignoredValues).map(
    ([path, count]) => `${path} has ${counted(count, "value")} without a meaning; taken as absent`
  )
  if (unreadableRows.length > 0) {
    const reasons = [...new Set(unreadableRows.map(({ reason }) => reason))].join(", ")
    found.push(`${counted(unreadableRows.length, "row")} without a usable id (${reasons}); no list has them`)
  }
  if (found.length > 0) return found
  const strictly = SessionPageJson.decodeStrictly(text)
  if (Result.isSuccess(strictly)) return []
  return [`${firstProblem(strictly.failure.issue).path} is not as the contract says; it is read all the same`]
}

/**
 * The fast decoder of a page.
 *
 * `SessionPage` is the definition. This is a second way to the same result, without a copy and without generated code,
 * at many times the speed. What it does not recognise it leaves to the schema, so every failure is the schema's own.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { SessionPage } from "../SessionPage.ts"
import { toEpochMillis } from "../Timestamp.ts"
import { timeReader } from "./decodePageTime.ts"

const decodeBySchema = Schema.decodeUnknownResult(SessionPage)

/**
 * Decodes a parsed page.
 *
 * **Gotchas**
 *
 * Takes ownership of `json`: times are converted in place, and its objects become part of the result. Who still needs
 * `json` as it came must use the schema.
 */
export const decodePage = (json: unknown): Result.Result<SessionPage, Schema.SchemaError> =>
  convertPage(json) ? Result.succeed(withPageSize(json)) : decodeBySchema(json)

/** Some servers call `pageSize` `perPage`. */
const withPageSize = (json: SessionPage): SessionPage => {
  if (!("perPage" in json)) return json
  const { perPage, ...page } = json
  return typeof perPage === "number" ? { ...page, pageSize: page.pageSize ?? perPage } : page
}

// Below, false means "not recognised". Times converted until then do no harm, as the schema reads numbers alike.

const convertPage = (json: unknown): json is SessionPage =>
  isRecord(json) &&
  isAmount(json.perPage) &&
  isAmount(json.totalCount) &&
  isAmount(json.page) &&
  isAmount(json.pageSize) &&
  Array.isArray(json.sessions) &&
  json.sessions.every(convertSession)

const convertSession = (session: unknown): boolean =>
  isRecord(session) &&
  typeof session.id === "string" &&
  session.id !== "" &&
  isText(session.teamId) &&
  isText(session.status) &&
  (session.creditsUsed === null || isAmount(session.creditsUsed)) &&
  (session.launchState === null || session.launchState === undefined || isLaunchState(session.launchState)) &&
  convertTimes(session)

// Launch states come in many shapes: going through the keys that are there is faster than asking for all that might be.
// Nearly every value is a flag, so only the others are looked up, and what must not be a flag is asked for by its name.
const isLaunchState = (launch: unknown): boolean => {
  if (!isRecord(launch) || !isText(launch.solverType) || !isText(launch.staticIpId)) return false
  if (typeof launch.screen === "boolean" || typeof launch.profile === "boolean") return false
  for (const key in launch) {
    const value = launch[key]
    if (typeof value === "boolean") continue
    const check = launchChecks.get(key)
    if (check !== undefined && !check(value)) return false
  }
  return true
}

const isScreen = (screen: unknown): boolean => isRecord(screen) && isAmount(screen.width) && isAmount(screen.height)

const isProfile = (profile: unknown): boolean =>
  isRecord(profile) && isText(profile.id) && isFlag(profile.persistChanges) && isFlag(profile.persistNetworkCache)

// JSON has no `undefined`, so it always means an absent key.

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isFlag = (value: unknown): boolean => value === undefined || typeof value === "boolean"

const isText = (value: unknown): boolean => value === undefined || typeof value === "string"

const isAmount = (value: unknown): boolean => value === undefined || Number.isFinite(value)

const launchChecks = new Map<string, (value: unknown) => boolean>([
  ["useUltraStealth", isFlag],
  ["useStealth", isFlag],
  ["useProxy", isFlag],
  ["solveCaptchas", isFlag],
  ["solverType", isText],
  ["adblock", isFlag],
  ["trackers", isFlag],
  ["annoyances", isFlag],
  ["screen", isScreen],
  ["enableWebRecording", isFlag],
  ["enableVideoWebRecording", isFlag],
  ["enableLogCapture", isFlag],
  ["acceptCookies", isFlag],
  ["profile", isProfile],
  ["staticIpId", isText],
  ["saveDownloads", isFlag],
  ["enableWindowManager", isFlag],
  ["enableWindowManagerTaskbar", isFlag],
  ["viewOnlyLiveView", isFlag],
  ["disablePasswordManager", isFlag],
  ["enableAlwaysOpenPdfExternally", isFlag],
  ["disablePostQuantumKeyAgreement", isFlag]
])

const fromText = timeReader()

/** NaN stands for what is not a time. */
const readTime = (value: unknown): number =>
  typeof value === "string" ? fromText(value) : typeof value === "number" ? toEpochMillis(value) : Number.NaN

// Each field by its name: a key that is a variable would make every access a lookup.
const convertTimes = (session: Record<string, unknown>): boolean => {
  const { createdAt, endTime, startTime, updatedAt } = session
  if (startTime !== null && startTime !== undefined) {
    const millis = readTime(startTime)
    if (Number.isNaN(millis)) return false
    session.startTime = millis
  }
  if (endTime !== null && endTime !== undefined) {
    const millis = readTime(endTime)
    if (Number.isNaN(millis)) return false
    session.endTime = millis
  }
  if (createdAt !== undefined) {
    const millis = readTime(createdAt)
    if (Number.isNaN(millis)) return false
    session.createdAt = millis
  }
  if (updatedAt !== undefined) {
    const millis = readTime(updatedAt)
    if (Number.isNaN(millis)) return false
    session.updatedAt = millis
  }
  return true
}

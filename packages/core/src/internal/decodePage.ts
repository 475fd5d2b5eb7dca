/**
 * The decoders of a page: a tolerant one, and a strict one for the contract.
 *
 * What is as the contract has it is recognised by plain checks and converted in place, without generated code, at many
 * times the speed of the schema. What these checks do not recognise the tolerant decoder reads row by row, and the strict
 * one leaves to the schema `SessionPage`, so every failure is the schema's own.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Session } from "../Session.ts"
import { type DecodedPage, SessionPage, type UnreadableRow } from "../SessionPage.ts"
import { toEpochMillis } from "../Timestamp.ts"
import { keepSentValues, rounded, type SentValue, sentValues } from "./asSent.ts"
import { timeReader } from "./decodePageTime.ts"
import { ExactNumber, isRounded, parseExact } from "./ExactNumber.ts"
import { isTooDeep, MAX_DEPTH } from "./nesting.ts"
import { launchFlags, readCount, readRow, type RowProblem } from "./readRow.ts"

const decodeBySchema = Schema.decodeUnknownResult(SessionPage)

/** Without the value, which nothing can go through. */
const tooDeep = Schema.decodeUnknownResult(
  Schema.Never.annotate({ message: `values are nested more than ${MAX_DEPTH} levels deep` })
)(undefined)

/** Values in a row with more levels than this are none of what is recognised by plain checks. */
const MAX_PLAIN_DEPTH = 64

/**
 * Decodes a parsed page by the contract: what does not fit it is a failure.
 *
 * **Gotchas**
 *
 * Takes ownership of `json`: times are converted in place, and its objects become part of the result. Who still needs
 * `json` as it came must use the schema.
 */
export const decodePageStrictly = (json: unknown): Result.Result<SessionPage, Schema.SchemaError> =>
  convertPage(json) ? Result.succeed(withPageSize(json)) : isTooDeep(json) ? tooDeep : decodeBySchema(json)

/** Where a page comes from. */
export interface PageSource {
  /** The text that was parsed, for the numbers that parsing has rounded. */
  readonly text: () => string
  /** The page that was asked for; undefined when that is not known. */
  readonly page?: number | undefined
}

/** Decodes a parsed page as `DecodedPage` says; fails only if it has no list of rows. Takes ownership of `json` too. */
export const decodePage = (json: unknown, source: PageSource): Result.Result<DecodedPage, Schema.SchemaError> => {
  if (isRecord(json) && ("unreadableRows" in json || "ignoredValues" in json)) {
    const { ignoredValues: _, unreadableRows: __, ...rest } = json
    return decodePage(rest, source)
  }
  if (convertPage(json)) return Result.succeed(withPageSize(json))
  if (isTooDeep(json)) return tooDeep
  return readPage(holdsRounded(json) ? parseExact(source.text()) : json, source.page)
}

/** Some servers call `pageSize` `perPage`. */
const withPageSize = (json: SessionPage): SessionPage => {
  if (!("perPage" in json)) return json
  const { perPage, ...page } = json
  return typeof perPage === "number" ? { ...page, pageSize: page.pageSize ?? perPage } : page
}

const readPage = (json: unknown, asked: number | undefined): Result.Result<DecodedPage, Schema.SchemaError> => {
  if (!isRecord(json)) return decodeBySchema(json)
  const ignored = new Map<string, number>()
  const ignore = (path: string) => ignored.set(path, (ignored.get(path) ?? 0) + 1)
  const counts: { [Key in "page" | "pageSize" | "perPage" | "totalCount"]?: number } = {}
  for (const key of ["page", "pageSize", "perPage", "totalCount"] as const) {
    const count = readCount(json[key])
    if (typeof count === "number") counts[key] = count
    else if (count === "ignored") ignore(key)
  }
  const { page: _, pageSize: __, perPage: ___, sessions, totalCount: ____, ...unknownKeys } = json
  const { perPage, ...told } = counts
  const rows: unknown = sessions === null && counts.totalCount === 0 ? [] : sessions
  if (!Array.isArray(rows)) return decodeBySchema(sessions === undefined ? {} : { sessions })

  const readable: Array<Session> = []
  const unreadable: Array<UnreadableRow> = []
  for (const [index, row] of rows.entries()) {
    const session = readSession(row)
    if (!("reason" in session)) {
      readable.push(session.session)
      for (const { kind, path } of sentValues(session.session)) if (kind === "ignored") ignore(path.join("."))
      continue
    }
    const { key, reason } = session
    const path = `sessions[${index}]${key === "" ? "" : `.${key}`}`
    unreadable.push({ page: asked ?? counts.page ?? 1, index, path, reason, row: plain(row) })
  }
  return Result.succeed({
    ...withoutExact(unknownKeys),
    ...told,
    ...(told.pageSize === undefined && perPage !== undefined ? { pageSize: perPage } : {}),
    sessions: readable,
    ...(unreadable.length === 0 ? {} : { unreadableRows: unreadable }),
    ...(ignored.size === 0 ? {} : { ignoredValues: Object.fromEntries(ignored) })
  })
}

const readSession = (row: unknown): { readonly session: Session } | RowProblem => {
  if (convertSession(row)) return { session: row }
  const read = readRow(row)
  if ("reason" in read) return read
  // It holds what `Session` holds by now; the check tells it to the compiler.
  if (!isSession(read.row)) return { key: "", reason: "not-an-object" }
  keepSentValues(read.row, read.sent)
  return { session: read.row }
}

const plain = (row: unknown): unknown => {
  const exact: Array<SentValue> = []
  const value = rounded(row, [], (sent) => exact.push(sent))
  if (typeof value === "object" && value !== null) keepSentValues(value, exact)
  return value
}

const withoutExact = (record: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, rounded(value, [], () => {})]))

// Below, false means "not recognised". Times converted until then do no harm, as they are read as numbers alike.

const convertPage = (json: unknown): json is SessionPage =>
  isRecord(json) &&
  isShallowBeside(json) &&
  isAmount(json.perPage) &&
  isAmount(json.totalCount) &&
  isAmount(json.page) &&
  isAmount(json.pageSize) &&
  Array.isArray(json.sessions) &&
  json.sessions.every(convertSession)

/** Whether what a page has beside its sessions is nested no deeper than it may be. */
const isShallowBeside = (json: Record<string, unknown>): boolean => {
  for (const key in json) if (key !== "sessions" && isTooDeep(json[key], MAX_DEPTH - 1)) return false
  return true
}

const convertSession = (session: unknown): session is Session =>
  isRecord(session) && isContract(session, true) && convertTimes(session)

/** A row whose times are numbers already. */
const isSession = (row: Record<string, unknown>): row is Session => isContract(row, false) && convertTimes(row)

/** Whether a row holds the types of the contract, its times apart, and, if asked, no number that parsing has rounded. */
const isContract = (session: Record<string, unknown>, isExact: boolean): boolean =>
  typeof session.id === "string" &&
  session.id !== "" &&
  isText(session.teamId) &&
  isText(session.status) &&
  (session.creditsUsed === null || isAmount(session.creditsUsed)) &&
  (session.launchState === null || session.launchState === undefined || isLaunchState(session.launchState, isExact)) &&
  !(isExact && holdsRoundedBeside(session))

// Launch states come in many shapes: going through the keys that are there is faster than asking for all that might be,
// by a name or in a table. Nearly every value is a flag.
const isLaunchState = (launch: unknown, isExact: boolean): boolean => {
  if (!isRecord(launch)) return false
  for (const key in launch) {
    const value = launch[key]
    if (typeof value === "boolean") {
      if (key === "screen" || key === "profile" || key === "solverType" || key === "staticIpId") return false
    } else if (key === "screen") {
      if (!isScreen(value, isExact)) return false
    } else if (key === "profile") {
      if (!isProfile(value, isExact)) return false
    } else if (key === "solverType" || key === "staticIpId") {
      if (typeof value !== "string") return false
    } else if (flags.has(key) || (isExact && holdsRounded(value))) return false
  }
  return true
}

const flags: ReadonlySet<string> = new Set(launchFlags)

const isScreen = (screen: unknown, isExact: boolean): boolean => {
  if (!isRecord(screen)) return false
  for (const key in screen) {
    const value = screen[key]
    if ((key === "width" || key === "height") && !isAmount(value)) return false
    if (isExact && holdsRounded(value)) return false
  }
  return true
}

const isProfile = (profile: unknown, isExact: boolean): boolean => {
  if (!isRecord(profile)) return false
  for (const key in profile) {
    const value = profile[key]
    if (key === "id") {
      if (typeof value !== "string") return false
    } else if (key === "persistChanges" || key === "persistNetworkCache") {
      if (typeof value !== "boolean") return false
    } else if (isExact && holdsRounded(value)) return false
  }
  return true
}

/** Whether a row has a number that parsing has rounded; the launch state has been looked at. */
const holdsRoundedBeside = (session: Record<string, unknown>): boolean => {
  for (const key in session) {
    const value = session[key]
    if (typeof value === "string") continue
    if (typeof value === "number" ? isRounded(value) : key !== "launchState" && holdsRounded(value)) return true
  }
  return false
}

/** Whether a value has a number that parsing has rounded, or too many levels to be looked through like this. */
const holdsRounded = (value: unknown, depth = 0): boolean => {
  if (typeof value === "number") return isRounded(value)
  if (typeof value !== "object" || value === null) return false
  if (depth === MAX_PLAIN_DEPTH || value instanceof ExactNumber) return true
  if (Array.isArray(value)) return value.some((item) => holdsRounded(item, depth + 1))
  for (const key in value) if (holdsRounded(Reflect.get(value, key), depth + 1)) return true
  return false
}

// JSON has no `undefined`, so it always means an absent key.

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isText = (value: unknown): boolean => value === undefined || typeof value === "string"

const isAmount = (value: unknown): boolean => value === undefined || Number.isFinite(value)

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

/**
 * The tolerant reader of one row: whatever has a meaning is read, whatever has none is left out and noted.
 *
 * Null means that there is no value, and so does empty text where the contract has no text. Numbers may be decimal text.
 */
import { toEpochMillis } from "../Timestamp.ts"
import { rounded, type SentValue } from "./asSent.ts"
import { ExactNumber } from "./ExactNumber.ts"

/** Why a row is no session. */
export interface RowProblem {
  /** Where in the row; empty for the row as a whole. */
  readonly key: "" | "id"
  readonly reason: "not-an-object" | "id-missing" | "id-empty" | "id-not-text"
}

/** The row with values of the types of `Session`, and what it left out. */
export interface ReadRow {
  readonly row: Record<string, unknown>
  readonly sent: ReadonlyArray<SentValue>
}

/** A value that means nothing. */
const meaningless = Symbol("meaningless")

type Read = (value: unknown, path: ReadonlyArray<string>, note: (sent: SentValue) => void) => unknown

/** Reads a row as it was parsed, with or without `ExactNumber`s. */
export const readRow = (row: unknown): ReadRow | RowProblem => {
  if (!isRecord(row)) return { key: "", reason: "not-an-object" }
  const id = readId(row["id"])
  if (typeof id !== "string")
    return { key: "id", reason: row["id"] === undefined || row["id"] === null ? "id-missing" : "id-not-text" }
  if (id === "") return { key: "id", reason: "id-empty" }
  const sent: Array<SentValue> = []
  return { row: readFields(sessionFields)(row, [], (value) => sent.push(value)), sent }
}

/** When a row was created, epoch milliseconds; undefined where that cannot be read. */
export const readCreatedAt = (row: unknown): number | undefined => {
  const millis = isRecord(row) ? readTime(row["createdAt"], [], () => {}) : undefined
  return typeof millis === "number" ? millis : undefined
}

/** A count of a page: a number, `absent` or `ignored`. */
export const readCount = (value: unknown): number | "absent" | "ignored" => {
  if (value === undefined || value === null || value === "") return "absent"
  const count = readAmount(value)
  return typeof count === "number" ? count : "ignored"
}

/** `acceptsNull`: null stays, as the contract has it. `acceptsEmpty`: empty text is text. */
interface Field {
  readonly read: Read
  readonly acceptsNull?: boolean
  readonly acceptsEmpty?: boolean
}

type Fields = ReadonlyMap<string, Field>

const readFields =
  (fields: Fields) =>
  (record: Record<string, unknown>, path: ReadonlyArray<string>, note: (sent: SentValue) => void) => {
    const entries: Array<[string, unknown]> = []
    for (const [key, value] of Object.entries(record)) {
      const field = fields.get(key)
      const at = [...path, key]
      if (field === undefined) {
        entries.push([key, rounded(value, at, note)])
      } else if (value === null ? field.acceptsNull === true : value === "" && field.acceptsEmpty === true) {
        entries.push([key, value])
      } else if (value === null || value === "") {
        note({ path: at, value, kind: "empty" })
      } else {
        const read = field.read(value, at, note)
        if (read !== meaningless) entries.push([key, read])
        if (read === meaningless) note({ path: at, value, kind: "ignored" })
        else if (value instanceof ExactNumber && typeof read === "number") note({ path: at, value, kind: "exact" })
      }
    }
    return Object.fromEntries(entries)
  }

const readObject = (fields: Fields): Read => {
  const read = readFields(fields)
  return (value, path, note) => (isRecord(value) ? read(value, path, note) : meaningless)
}

const readText: Read = (value) => (typeof value === "string" ? value : meaningless)

/** An id that is a whole number is its digits. */
const readId = (value: unknown): unknown => {
  if (typeof value === "string") return value
  if (value instanceof ExactNumber) return /^-?\d+$/.test(value.text) ? value.text : meaningless
  return Number.isSafeInteger(value) ? String(value) : meaningless
}

const readFlag: Read = (value) =>
  typeof value === "boolean" ? value : value === "true" || (value === "false" ? false : meaningless)

const DECIMAL = /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/

const readAmount = (value: unknown): unknown => {
  const amount =
    value instanceof ExactNumber
      ? value.value
      : typeof value === "string" && DECIMAL.test(value)
        ? Number(value)
        : value
  return Number.isFinite(amount) ? amount : meaningless
}

const readTime: Read = (value) => {
  const input = value instanceof ExactNumber ? value.value : value
  const millis = typeof input === "string" || typeof input === "number" ? toEpochMillis(input) : Number.NaN
  return Number.isNaN(millis) ? meaningless : millis
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber)

const text = { read: readText, acceptsEmpty: true }
const id = { read: readId, acceptsEmpty: true }
const flag = { read: readFlag }
const amount = { read: readAmount }
const time = { read: readTime }

const screenFields: Fields = new Map([
  ["width", amount],
  ["height", amount]
])

const profileFields: Fields = new Map<string, Field>([
  ["id", id],
  ["persistChanges", flag],
  ["persistNetworkCache", flag]
])

/** The launch options that are flags. */
export const launchFlags = [
  "useUltraStealth",
  "useStealth",
  "useProxy",
  "solveCaptchas",
  "adblock",
  "trackers",
  "annoyances",
  "enableWebRecording",
  "enableVideoWebRecording",
  "enableLogCapture",
  "acceptCookies",
  "saveDownloads",
  "enableWindowManager",
  "enableWindowManagerTaskbar",
  "viewOnlyLiveView",
  "disablePasswordManager",
  "enableAlwaysOpenPdfExternally",
  "disablePostQuantumKeyAgreement"
] as const

const launchFields: Fields = new Map<string, Field>([
  ...launchFlags.map((name): [string, Field] => [name, flag]),
  ["solverType", text],
  ["staticIpId", id],
  ["screen", { read: readObject(screenFields) }],
  ["profile", { read: readObject(profileFields) }]
])

const sessionFields: Fields = new Map<string, Field>([
  ["id", id],
  ["teamId", id],
  ["status", text],
  ["startTime", { ...time, acceptsNull: true }],
  ["endTime", { ...time, acceptsNull: true }],
  ["createdAt", time],
  ["updatedAt", time],
  ["launchState", { read: readObject(launchFields), acceptsNull: true }],
  ["creditsUsed", { ...amount, acceptsNull: true }]
])

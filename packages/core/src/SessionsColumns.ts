/**
 * The columns of a session: the fields of the contract, and every other key that a server sends, by its path.
 *
 * **Details**
 *
 * A path has the keys down to a value, joined by dots: `creditBreakdown.proxyDataCreditsUsed`. Digits choose an item of
 * an array: `tags.0`. In a key, a backslash is put before a dot, a comma, a backslash and `*`. `*` stands for the
 * columns of the contract that are not named beside it, and then for every other path that was seen, in order of the
 * alphabet. Text, numbers and booleans have a path of their own, arrays and empty objects too.
 *
 * What grants access to a running browser is never a column, nor a part of one.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { joinPath, splitList, splitPath } from "./internal/columnPath.ts"
import { valueReader } from "./internal/columnValue.ts"
import { nearest } from "./nearest.ts"
import { isSecretKey } from "./secretKeys.ts"
import type { Session } from "./Session.ts"

const types = {
  id: "text",
  teamId: "text",
  status: "text",
  createdAt: "time",
  startTime: "time",
  endTime: "time",
  updatedAt: "time",
  creditsUsed: "number",
  "launchState.useUltraStealth": "boolean",
  "launchState.useStealth": "boolean",
  "launchState.useProxy": "boolean",
  "launchState.solveCaptchas": "boolean",
  "launchState.solverType": "text",
  "launchState.adblock": "boolean",
  "launchState.trackers": "boolean",
  "launchState.annoyances": "boolean",
  "launchState.screen.width": "number",
  "launchState.screen.height": "number",
  "launchState.enableWebRecording": "boolean",
  "launchState.enableVideoWebRecording": "boolean",
  "launchState.enableLogCapture": "boolean",
  "launchState.acceptCookies": "boolean",
  "launchState.profile.id": "text",
  "launchState.profile.persistChanges": "boolean",
  "launchState.profile.persistNetworkCache": "boolean",
  "launchState.staticIpId": "text",
  "launchState.saveDownloads": "boolean",
  "launchState.enableWindowManager": "boolean",
  "launchState.enableWindowManagerTaskbar": "boolean",
  "launchState.viewOnlyLiveView": "boolean",
  "launchState.disablePasswordManager": "boolean",
  "launchState.enableAlwaysOpenPdfExternally": "boolean",
  "launchState.disablePostQuantumKeyAgreement": "boolean"
} as const

/** The name of a column of the contract. */
export type ColumnName = keyof typeof types

const names = Struct.keys(types)

/** A column of the contract, or the path of any other key. */
export type Column = ColumnName | (string & {})

/** The type of a column's values; those outside the contract are `text`, JSON text where they are sent as something else. */
export type ColumnType = "text" | "number" | "boolean" | "time"

/** Every column of the contract, in the order in which they are written; new ones are added at the end. */
export const columns: ReadonlyArray<ColumnName> = names

const contract: ReadonlySet<string> = new Set(names)

/** Whether a column is one of the contract. */
export const isContractColumn = (column: string): column is ColumnName => contract.has(column)

/** Stands for all columns. */
export const everything = "*"

/** Keys outside the contract that servers are known to send; to be offered where columns are chosen. */
export const knownExtras: ReadonlyArray<string> = [
  "sessionUrl",
  "duration",
  "closeReason",
  "proxyDataConsumed",
  "dataConsumed",
  "creditBreakdown.creditsUsed",
  "creditBreakdown.browserTimeCreditsUsed",
  "creditBreakdown.proxyDataCreditsUsed"
]

/** A list of columns cannot be used. */
export class InvalidColumns extends Schema.TaggedError<InvalidColumns>()("InvalidColumns", {
  /** `none`: the list is empty. `secret`: the column would hold a credential. */
  problem: Schema.Literals(["none", "secret", "repeated"]),
  /** The name as it was given; absent when the list is empty. */
  column: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    const name = JSON.stringify(this.column)
    switch (this.problem) {
      case "none":
        return `no column is named; the columns of the contract are ${names.join(",")}, and * adds all others`
      case "secret":
        return `${name} grants access to a running browser, so it is never a column`
      case "repeated":
        return `the column ${name} is named twice`
    }
  }
}

/** Reads a list of columns separated by commas, such as `id,status,launchState.screen.width` or `id,*`. */
export const parseColumns = (text: string): Result.Result<ReadonlyArray<Column>, InvalidColumns> =>
  checkColumns(splitList(text))

/** Holds a list of columns to the rules: some, each a path that is named once, and none secret. */
export const checkColumns = (list: ReadonlyArray<string>): Result.Result<ReadonlyArray<Column>, InvalidColumns> => {
  if (list.length === 0) return Result.fail(new InvalidColumns({ problem: "none" }))
  const found = new Set<string>()
  for (const column of list) {
    const path = splitPath(column)
    if (path.some(isSecretKey)) return Result.fail(new InvalidColumns({ problem: "secret", column }))
    // The same path may be spelt with and without a backslash.
    const name = column === everything ? everything : joinPath(path)
    if (found.has(name)) return Result.fail(new InvalidColumns({ problem: "repeated", column }))
    found.add(name)
  }
  return Result.succeed([...found])
}

/** The keys down to the value of a column. */
export const pathOf = (column: Column): ReadonlyArray<string> => splitPath(column)

/** The column that was probably meant by one that no session has; undefined when none is close. */
export const suggestionFor = (column: string): string | undefined => {
  const known = [...names, ...knownExtras]
  return known.includes(column) ? undefined : nearest(column, known)
}

/**
 * Makes a function that reads the value of a column.
 *
 * **Details**
 *
 * The value is undefined where it is null or absent. Times of the contract are epoch milliseconds. A number that JavaScript cannot
 * hold is an `ExactNumber` of `SessionsNdjson`. Objects and arrays come without their secret keys; `toJson` of
 * `SessionsNdjson` writes them.
 */
export const reader = (column: Column): ((session: Session) => unknown) =>
  valueReader(splitPath(column), isContractColumn(column))

/** The type of a column's values. */
export const columnType = (column: Column): ColumnType => (isContractColumn(column) ? types[column] : "text")

/** Whether the values of a column are times of the contract: epoch milliseconds in UTC. */
export const isTimeColumn = (column: Column): boolean => columnType(column) === "time"

/** The list with `extras` and what it misses of the contract in place of `*`. */
export const expandColumns = (list: ReadonlyArray<Column>, extras: ReadonlyArray<Column>): ReadonlyArray<Column> => {
  const named = new Set<string>(list)
  const all = [...names, ...extras].filter((name) => !named.has(name))
  return list.flatMap((name) => (name === everything ? all : [name]))
}

/**
 * The queries of `/v1`: what of the list is read, and how it is written.
 */
import { InvalidColumns, parseColumns, type ColumnName } from "@hb-sessions/core/SessionsCsv"
import type { ReadOptions } from "@hb-sessions/core/Sessions"
import { toEpochMillis } from "@hb-sessions/core/Timestamp"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { refusalOf } from "./refusalOf.ts"
import { invalidParameter, type Refusal } from "./Problem.ts"

const Time = Schema.String.check(
  Schema.makeFilter((text: string) => !Number.isNaN(toEpochMillis(text)), {
    expected: "a time: ISO 8601 or epoch milliseconds"
  })
)

const Statuses = Schema.String.check(
  Schema.isPattern(/^[^,\s]+(,[^,\s]+)*$/, { expected: "statuses separated by commas" })
).annotate({ examples: ["closed", "active,closed"] })

/** The parameters that choose sessions. */
export const readQuery = {
  status: Schema.optionalKey(Statuses).annotateKey({
    description: "Only sessions in this status, or in one of these, separated by commas; all when absent"
  }),
  since: Schema.optionalKey(Time).annotateKey({
    description: "Only sessions created then or later: ISO 8601 or epoch milliseconds"
  }),
  until: Schema.optionalKey(Time).annotateKey({
    description: "Only sessions created before then: ISO 8601 or epoch milliseconds"
  }),
  consistency: Schema.optionalKey(Schema.Literals(["verified", "fast"])).annotateKey({
    description: "Whether the list is read until nothing can be missing; `verified` when absent"
  })
}

const Columns = Schema.String.check(
  Schema.makeFilter((text: string) => Result.isSuccess(parseColumns(text)), { expected: "names of columns" })
)

/** The parameters of CSV. */
export const csvQuery = {
  ...readQuery,
  columns: Schema.optionalKey(Columns).annotateKey({
    description: "The columns, in order, separated by commas; all when absent"
  })
}

/** What is read, and how it is written. */
export interface ReadQuery {
  readonly options: Pick<ReadOptions, "status" | "since" | "until" | "consistency">
  readonly statuses: ReadonlyArray<string> | undefined
  /** Undefined for all. */
  readonly columns: ReadonlyArray<ColumnName> | undefined
  /** The same for all spellings of the same query. */
  readonly key: string
}

const Query = Schema.Struct(readQuery)
const decode = Schema.decodeUnknownResult(Query)

/** Reads the query of an endpoint; `hasColumns` for one that writes CSV. Refuses what it does not know. */
export const parse = (search: string, hasColumns: boolean): Result.Result<ReadQuery, Refusal> =>
  Result.gen(function* () {
    const given: Record<string, string> = {}
    for (const [name, value] of new URLSearchParams(search)) {
      if (!Object.hasOwn(csvQuery, name)) {
        const names = Object.keys(hasColumns ? csvQuery : readQuery).join(", ")
        return yield* Result.fail(invalidParameter(name, `unknown; the parameters are ${names}`))
      }
      if (name === "columns" && !hasColumns) {
        return yield* Result.fail(invalidParameter(name, "only CSV has columns"))
      }
      if (Object.hasOwn(given, name)) return yield* Result.fail(invalidParameter(name, "given more than once"))
      given[name] = value
    }
    const { columns: columnsText, ...rest } = given
    const query = yield* Result.mapError(decode(rest), refusalOf)
    const columns =
      columnsText === undefined ? undefined : yield* Result.mapError(parseColumns(columnsText), invalidColumns)
    const statuses = query.status === undefined ? undefined : [...new Set(query.status.split(","))].toSorted()
    const [single] = statuses ?? []
    return {
      columns,
      statuses,
      key: JSON.stringify([statuses, query.since, query.until, query.consistency]),
      options: {
        ...(statuses === undefined || single === undefined
          ? {}
          : { status: statuses.length === 1 ? single : statuses }),
        ...(query.since === undefined ? {} : { since: toEpochMillis(query.since) }),
        ...(query.until === undefined ? {} : { until: toEpochMillis(query.until) }),
        ...(query.consistency === undefined ? {} : { consistency: query.consistency })
      }
    }
  })

const invalidColumns = (error: InvalidColumns): Refusal => invalidParameter("columns", error.message)

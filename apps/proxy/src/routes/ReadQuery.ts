/**
 * The queries of `/v1`: what of the list is read, and how it is written.
 */
import { parseTime } from "@hb-sessions/core/parseTime"
import { type Column, InvalidColumns, parseColumns } from "@hb-sessions/core/SessionsColumns"
import type { ReadOptions } from "@hb-sessions/core/Sessions"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { checkQuery } from "../access/StatusAccess.ts"
import type { Client } from "../access/Token.ts"
import type { Exchange } from "../http/Exchange.ts"
import { queryProblem } from "../http/queryProblem.ts"
import { invalidParameter, type Rejection } from "../http/Problem.ts"

const Statuses = Schema.String.check(
  Schema.isPattern(/^[^,\s]+(,[^,\s]+)*$/, { expected: "statuses separated by commas" })
).annotate({ examples: ["closed", "active,closed"] })

/** The parameters that choose sessions. */
export const readQuery = {
  status: Schema.optionalKey(Statuses).annotateKey({
    description: "Only sessions in this status, or in one of these, separated by commas; all when absent"
  }),
  since: Schema.optionalKey(Schema.String).annotateKey({
    description: "Only sessions created then or later: ISO 8601 or epoch milliseconds"
  }),
  until: Schema.optionalKey(Schema.String).annotateKey({
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
    description:
      "The columns, in order, separated by commas: fields of the contract, or the path of any other key; `*` adds all that the first 1,000 sessions have. Those of the contract when absent"
  })
}

/** What is read, and how it is written. */
export interface ReadQuery {
  readonly options: Pick<ReadOptions, "status" | "since" | "until" | "consistency">
  readonly statuses: ReadonlyArray<string> | undefined
  /** Undefined for those of the contract. */
  readonly columns: ReadonlyArray<Column> | undefined
  /** The same for all spellings of the same query. */
  readonly key: string
}

const Query = Schema.Struct(readQuery)
const decode = Schema.decodeUnknownResult(Query)

/** Reads the query of an endpoint; `hasColumns` for one that writes CSV. Rejects what it does not know. */
const parse = (search: string, hasColumns: boolean): Result.Result<ReadQuery, Rejection> =>
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
    const query = yield* Result.mapError(decode(rest), queryProblem)
    const columns =
      columnsText === undefined ? undefined : yield* Result.mapError(parseColumns(columnsText), invalidColumns)
    const since = yield* time("since", query.since)
    const until = yield* time("until", query.until)
    if (since !== undefined && until !== undefined && since >= until) {
      return yield* Result.fail(invalidParameter("until", "not after since, so no session can match"))
    }
    const statuses = query.status === undefined ? undefined : [...new Set(query.status.split(","))].toSorted()
    const [single] = statuses ?? []
    return {
      columns,
      statuses,
      key: JSON.stringify([statuses, since, until, query.consistency]),
      options: {
        ...(statuses === undefined || single === undefined
          ? {}
          : { status: statuses.length === 1 ? single : statuses }),
        ...(since === undefined ? {} : { since: { epochMilliseconds: since } }),
        ...(until === undefined ? {} : { until: { epochMilliseconds: until } }),
        ...(query.consistency === undefined ? {} : { consistency: query.consistency })
      }
    }
  })

/** The query of a request, if its client may ask it. */
export const read = ({ search }: Exchange, client: Client, hasColumns: boolean): Result.Result<ReadQuery, Rejection> =>
  Result.flatMap(parse(search, hasColumns), (query) => {
    const rejected = checkQuery(client, query.statuses)
    return rejected === undefined ? Result.succeed(query) : Result.fail(rejected)
  })

const time = (name: string, text: string | undefined): Result.Result<number | undefined, Rejection> =>
  text === undefined
    ? Result.succeed(text)
    : Result.mapError(parseTime(text), ({ message }) => invalidParameter(name, message))

const invalidColumns = (error: InvalidColumns): Rejection => invalidParameter("columns", error.message)

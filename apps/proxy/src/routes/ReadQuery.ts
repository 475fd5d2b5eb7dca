/**
 * The queries of `/v1`: what of the list is read, and how it is written.
 */
import { parseTime } from "@hb-sessions/core/parseTime"
import { type Column, everything, InvalidColumns, parseColumns } from "@hb-sessions/core/SessionsColumns"
import type { ReadOptions } from "@hb-sessions/core/Sessions"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { checkQuery } from "../access/StatusAccess.ts"
import type { Client } from "../access/Token.ts"
import type { Exchange } from "../http/Exchange.ts"
import { queryProblem } from "../http/queryProblem.ts"
import { invalidParameter, type Rejection } from "../http/Problem.ts"
import * as ListToken from "./ListToken.ts"

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

const Token = Schema.String.check(Schema.isPattern(ListToken.FORM, { expected: "a token from such a list" })).annotate({
  examples: ["hbs2.0a1b2c3d.AAAA.4e5f6a7b"]
})

/** The parameters of a whole list. */
export const listQuery = {
  ...readQuery,
  resumable: Schema.optionalKey(Schema.Literals(["true"])).annotateKey({
    description:
      'Whether the list can be continued after a cut: NDJSON has a line {"resume": token} after the sessions of each page, and a server that stops ends a list with a token'
  }),
  from: Schema.optionalKey(Token).annotateKey({
    description: "The last token of a list that was cut, to get the sessions that are missing, and the tokens on"
  })
}

const Columns = Schema.String.check(
  Schema.makeFilter((text: string) => Result.isSuccess(parseColumns(text)), { expected: "names of columns" })
)

/** The parameters of CSV. */
export const csvQuery = {
  ...listQuery,
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
  /** Whether the client can continue the list. */
  readonly isResumable: boolean
  /** The token to go on from, as it was given out. */
  readonly from: string | undefined
  /** The same for all spellings of the same query. */
  readonly key: string
}

/** The parameters by what is asked for. */
const parameters = { stats: readQuery, list: listQuery, csv: csvQuery }

/** What is asked for: statistics, or a list with or without columns. */
export type Asked = keyof typeof parameters

const Query = Schema.Struct(listQuery)
const decode = Schema.decodeUnknownResult(Query)

/** Reads the query of an endpoint. Rejects what it does not know. */
const parse = (search: string, asked: Asked): Result.Result<ReadQuery, Rejection> =>
  Result.gen(function* () {
    const given: Record<string, string> = {}
    for (const [name, value] of new URLSearchParams(search)) {
      if (name === "columns" && asked !== "csv") {
        return yield* Result.fail(invalidParameter(name, "only CSV has columns"))
      }
      if (!Object.hasOwn(parameters[asked], name)) {
        const names = Object.keys(parameters[asked]).join(", ")
        return yield* Result.fail(invalidParameter(name, `unknown; the parameters are ${names}`))
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
    const isResumable = query.resumable !== undefined || query.from !== undefined
    if (isResumable && query.consistency === "fast") {
      return yield* Result.fail(invalidParameter("consistency", "only a verified list can be continued"))
    }
    if (isResumable && columns?.includes(everything) === true) {
      return yield* Result.fail(
        invalidParameter("columns", "* depends on the sessions, so a list that can be continued must name its columns")
      )
    }
    const statuses = query.status === undefined ? undefined : [...new Set(query.status.split(","))].toSorted()
    const [single] = statuses ?? []
    return {
      columns,
      statuses,
      isResumable,
      from: query.from,
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
export const read = ({ search }: Exchange, client: Client, asked: Asked): Result.Result<ReadQuery, Rejection> =>
  Result.flatMap(parse(search, asked), (query) => {
    const rejected = checkQuery(client, query.statuses)
    return rejected === undefined ? Result.succeed(query) : Result.fail(rejected)
  })

const time = (name: string, text: string | undefined): Result.Result<number | undefined, Rejection> =>
  text === undefined
    ? Result.succeed(text)
    : Result.mapError(parseTime(text), ({ message }) => invalidParameter(name, message))

const invalidColumns = (error: InvalidColumns): Rejection => invalidParameter("columns", error.message)

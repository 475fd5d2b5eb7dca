/**
 * The query of `GET /api/sessions`: checked against the contract where it has a word, passed on where it has none.
 */
import { ListQuery, sessionsPath } from "@hb-sessions/core/SessionsApi"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { refusalOf } from "../http/queryProblem.ts"
import { invalidParameter, type Refusal } from "../http/Problem.ts"

/** A query that can be sent. */
export interface PageQuery {
  readonly query: ListQuery
  /** Parameters that the contract does not know, in order, with all their values. */
  readonly extra: Readonly<Record<string, ReadonlyArray<string>>>
  /** The same for all spellings of the same query. */
  readonly key: string
}

const MAX_PARAMETERS = 50

const known = ["page", "status", "limit"] as const

const decode = Schema.decodeUnknownResult(Schema.toCodecStringTree(ListQuery))

/** Reads the part of a URL from `?` on; may be empty. */
export const parse = (search: string): Result.Result<PageQuery, Refusal> => {
  const parameters = new URLSearchParams(search)
  if (parameters.size > MAX_PARAMETERS) {
    return Result.fail(invalidParameter("?", `there are more than ${MAX_PARAMETERS} parameters`))
  }
  const given: Record<string, string> = {}
  const extra: Array<readonly [string, ReadonlyArray<string>]> = []
  for (const name of new Set(parameters.keys())) {
    const values = parameters.getAll(name)
    if (!known.some((parameter) => parameter === name)) {
      extra.push([name, values])
      continue
    }
    const [value = ""] = values
    if (values.length > 1) return Result.fail(invalidParameter(name, "given more than once"))
    if (value === "") return Result.fail(invalidParameter(name, "empty; leave it out instead"))
    given[name] = value
  }
  return Result.mapBoth(decode(given), {
    onFailure: refusalOf,
    onSuccess: (query) => ({ query, extra: Object.fromEntries(extra), key: canonical(query, extra) })
  })
}

const canonical = (query: ListQuery, extra: ReadonlyArray<readonly [string, ReadonlyArray<string>]>): string => {
  const parameters = new URLSearchParams()
  for (const name of known) {
    const value = query[name]
    if (value !== undefined) parameters.set(name, String(value))
  }
  for (const [name, values] of extra) for (const value of values) parameters.append(name, value)
  return parameters.toString()
}

/** Longest `Link`: servers in front of this one often take no more than 4 KiB of headers in all. */
const MAX_LINK = 2048

/**
 * The `Link` header (RFC 8288) of a page: `first`, `prev`, `next` and `last`, as far as they are known; undefined where
 * it would be longer than 2048 characters, as each of them repeats the query.
 *
 * `next` is left out on the last page. Without a total there is a `next` as long as pages hold sessions.
 */
export const links = (
  { key, query }: PageQuery,
  page: { readonly rows: number; readonly pageSize: number | undefined; readonly totalCount: number | undefined }
): string | undefined => {
  const number = query.page ?? 1
  const last =
    page.totalCount === undefined || page.pageSize === undefined || page.pageSize < 1
      ? undefined
      : Math.max(1, Math.ceil(page.totalCount / page.pageSize))
  const link = (rel: string, target: number) => {
    const parameters = new URLSearchParams(key)
    parameters.set("page", String(target))
    return `<${sessionsPath}?${parameters.toString()}>; rel="${rel}"`
  }
  const hasNext = last === undefined ? page.rows > 0 : number < last
  const header = [
    link("first", 1),
    ...(number > 1 ? [link("prev", last === undefined ? number - 1 : Math.min(number - 1, last))] : []),
    ...(hasNext ? [link("next", number + 1)] : []),
    ...(last === undefined ? [] : [link("last", last)])
  ].join(", ")
  return header.length > MAX_LINK ? undefined : header
}

const MAX_REMEMBERED = 2048

/** Makes a `parse` that remembers the queries it has read lately. */
export const remembering = (): typeof parse => {
  const seen = new Map<string, ReturnType<typeof parse>>()
  return (search) => {
    const found = seen.get(search)
    if (found !== undefined) return found
    if (seen.size >= MAX_REMEMBERED) seen.clear()
    const result = parse(search)
    // A long text is hardly asked for again, and 2048 of them would be a lot of memory.
    if (search.length <= 256) seen.set(search, result)
    return result
  }
}

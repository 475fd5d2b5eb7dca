/**
 * Where the endpoint is, and what it is asked for with: what clients and servers need to know alike.
 *
 * Source: `GET /api/sessions` of the vendor's OpenAPI document, and the parameter `limit` of the vendor's SDKs.
 */
import * as Schema from "effect/Schema"
import { SessionStatus } from "./Session.ts"

/** Where the vendor serves the API. */
export const productionUrl = "https://api.hyperbrowser.ai"

/** The path of the endpoint below the base URL. */
export const sessionsPath = "/api/sessions"

/** The header that carries the API key. */
export const apiKeyHeader = "x-api-key"

const PositiveInt = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

/** The query parameters of the endpoint, each of which may be absent. */
export const listQuery = {
  /** Number of the page, 1-based; 1 when absent. */
  page: Schema.optionalKey(PositiveInt),
  /** Only sessions in this status; all when absent. */
  status: Schema.optionalKey(SessionStatus),
  /** Sessions a page; the server's default when absent, and a server may ignore it. Not in the contract. */
  limit: Schema.optionalKey(PositiveInt)
}

/** Schema for the query of one request. */
export const ListQuery = Schema.Struct(listQuery)
export type ListQuery = typeof ListQuery.Type

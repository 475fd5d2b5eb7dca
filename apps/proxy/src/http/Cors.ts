/**
 * Lets pages of allowed origins read the answers.
 */
import type { Exchange } from "./Exchange.ts"

/** The methods that are served. */
export const METHODS = "GET, HEAD, OPTIONS"

/** Adds the headers of CORS for a page of one of the origins. */
export const allow = (exchange: Exchange, origins: ReadonlySet<string>): void => {
  const { origin } = exchange.request.headers
  if (origin === undefined || !origins.has(origin)) return
  exchange.common.push(
    "access-control-allow-origin",
    origin,
    "access-control-expose-headers",
    "etag, age, link, cache-status, ratelimit, ratelimit-policy, retry-after, x-request-id, x-upstream-request-id"
  )
  if (exchange.method !== "OPTIONS") return
  exchange.common.push(
    "access-control-allow-methods",
    METHODS,
    "access-control-allow-headers",
    "authorization, x-api-key, content-type, if-none-match, last-event-id, cache-control, pragma, x-request-id",
    "access-control-max-age",
    "600"
  )
}

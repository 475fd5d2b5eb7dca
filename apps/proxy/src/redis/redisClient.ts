/**
 * The library that speaks to Redis, as a part of its own: a proxy without Redis does without it.
 */
export { createClient } from "@redis/client"

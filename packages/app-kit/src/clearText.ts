/**
 * Keys that anybody on the way can read.
 */

const LOOPBACK = /^(?:(?:.+\.)?localhost\.?|127(?:\.\d+){3}|\[::1\]|\[::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}\])$/

/** Whether the name of a host, as a URL spells it, stands for this machine. */
export const isLoopback = (hostname: string): boolean => LOOPBACK.test(hostname.toLowerCase())

/** What to warn of when a key is sent to a base URL; undefined for nothing. */
export const clearTextWarning = (baseUrl: URL): string | undefined =>
  baseUrl.protocol === "http:" && !isLoopback(baseUrl.hostname)
    ? `the base URL ${baseUrl.origin} is plain http, so the API key is sent in the clear; use https`
    : undefined

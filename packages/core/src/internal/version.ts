/**
 * What the package calls itself in the requests that it sends.
 */

/** The build writes the version of the package here. */
export const version = "0.0.0"

/** Browsers send a name of their own; another one makes them ask the server first whether it takes it. */
const isBrowser = (): boolean => globalThis.navigator?.userAgent?.startsWith("Mozilla/") === true

/** The default of the header `user-agent`; undefined in browsers. */
export const defaultUserAgent = (): string | undefined => (isBrowser() ? undefined : `hb-sessions-core/${version}`)

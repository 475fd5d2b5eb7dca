/**
 * The names that most programs need, with Effect and without, each from a module that has more of its kind.
 *
 * **Details**
 *
 * A bundle has only what is used of it, as if it had been imported from its module.
 */
export { createSessionsClient, SessionsApiError } from "./promise.ts"
export { Session } from "./Session.ts"
export * as Sessions from "./Sessions.ts"
export { SessionsClient, type SessionsClientOptions } from "./SessionsClient.ts"
export { SessionsError } from "./SessionsError.ts"
export type { ScanReport } from "./ScanReport.ts"

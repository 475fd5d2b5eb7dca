/**
 * What is told of a request when it has ended.
 */
import type * as Problem from "./Problem.ts"

/** The names that requests are counted under. */
export type RouteName =
  | "/"
  | "/docs"
  | "/openapi.json"
  | "/dashboard"
  | "/api/sessions"
  | "/v1/sessions"
  | "/v1/sessions/{id}"
  | "/v1/stats"
  | "/v1/events"
  | "none"

/** What the access log is told. */
export interface LogEntry {
  readonly id: string
  readonly address: string
  /** The name of its token, and its id; undefined without one. */
  readonly client: string | undefined
  readonly tokenId: string | undefined
  /** Undefined without a client, and for that of a single key. */
  readonly account: string | undefined
  readonly method: string
  readonly route: RouteName
  readonly path: string
  readonly status: number
  readonly problem: Problem.ProblemName | undefined
  readonly cache: string | undefined
  readonly bytes: number
  readonly millis: number
}

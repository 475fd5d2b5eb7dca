/**
 * What a route makes of a request: an answer that can be kept, or one that is written as it comes.
 */
import type { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { SessionsError } from "@hb-sessions/core/SessionsError"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import type { Client } from "../access/Token.ts"
import type { CachedResponse } from "../cache/CachedResponse.ts"
import type { LoadError } from "../cache/LoadError.ts"
import type { Exchange } from "../http/Exchange.ts"
import type { Rejection } from "../http/Problem.ts"
import type { WorkKind } from "../upstream/FairQueue.ts"
import type { UpstreamAccount } from "../upstream/UpstreamAccount.ts"
import type { Feed, Watcher } from "../watch/Feed.ts"

/** What routes work with. */
export interface RouteOptions {
  /** Whether a page that does not fit the contract is a failure. */
  readonly isStrict: boolean
  /** Pages that one scan asks for at a time. */
  readonly readConcurrency: number
  /** Longest silence of an answer that has begun. */
  readonly heartbeat: Duration.Duration
  /** Completes when the server has begun to stop, and accepts no connections any more. */
  readonly stopping: Effect.Effect<void>
  /** What tells the account from others. */
  readonly scope: string
  /** Watches the active sessions of the account. */
  readonly watch: (watcher: Watcher) => { readonly feed: Feed; readonly leave: () => void }
  /** Longest time of an answer that is not a page. */
  readonly readTimeout: Duration.Duration
  /** Hides the upstream key in a text. */
  readonly hide: (text: string) => string
}

/** An answer that can be kept. */
export interface Kept {
  readonly _tag: "Kept"
  readonly kind: WorkKind
  /** The same for all requests of an account that get the same answer. */
  readonly key: string
  readonly load: (options: RouteOptions) => Effect.Effect<CachedResponse, LoadError, SessionsClient>
}

/** An answer that is written as it comes. */
export interface Streamed {
  readonly _tag: "Streamed"
  readonly kind: WorkKind
  /** Whether it waits for news, rather than reading a list. */
  readonly isWatch?: boolean
  readonly send: (options: RouteOptions) => Effect.Effect<void, SessionsError, SessionsClient>
}

/** What is left to be done for a request that was understood. */
export type Work = Kept | Streamed

/** Reads the query of a request, and checks what it asks for. */
export type Route = (exchange: Exchange, client: Client) => Result.Result<Work, Rejection>

/** What is left to be done for a client of an account: nothing is kept, nor waited for, by two accounts together. */
export const within = ({ cacheScope }: UpstreamAccount, work: Work): Work =>
  cacheScope === "" || work._tag === "Streamed" ? work : { ...work, key: cacheScope + work.key }

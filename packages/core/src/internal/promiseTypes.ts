/**
 * What the client without Effect takes and gives: plain interfaces, none of which needs Effect to be read.
 *
 * All times are epoch milliseconds (UTC).
 */

/** The options that a session's browser was launched with; keys that the contract does not name are kept. */
export interface LaunchState {
  readonly useUltraStealth?: boolean
  readonly useStealth?: boolean
  readonly useProxy?: boolean
  readonly solveCaptchas?: boolean
  readonly solverType?: string
  readonly adblock?: boolean
  readonly trackers?: boolean
  readonly annoyances?: boolean
  readonly screen?: { readonly width?: number; readonly height?: number; readonly [key: string]: unknown }
  readonly enableWebRecording?: boolean
  readonly enableVideoWebRecording?: boolean
  readonly enableLogCapture?: boolean
  readonly acceptCookies?: boolean
  readonly profile?: {
    readonly id?: string
    readonly persistChanges?: boolean
    readonly persistNetworkCache?: boolean
    readonly [key: string]: unknown
  }
  readonly staticIpId?: string
  readonly saveDownloads?: boolean
  readonly enableWindowManager?: boolean
  readonly enableWindowManagerTaskbar?: boolean
  readonly viewOnlyLiveView?: boolean
  readonly disablePasswordManager?: boolean
  readonly enableAlwaysOpenPdfExternally?: boolean
  readonly disablePostQuantumKeyAgreement?: boolean
  readonly [key: string]: unknown
}

/**
 * One session; keys that the contract does not name are kept.
 *
 * **Gotchas**
 *
 * Among those keys may be `token`, `wsEndpoint` and `liveUrl`, which grant access to a running browser.
 */
export interface Session {
  readonly id: string
  readonly teamId?: string
  /** `active`, `closed`, `error`, or a status that came later. */
  readonly status?: string
  /** Null or absent until the browser started. */
  readonly startTime?: number | null
  /** Null or absent while the browser runs. */
  readonly endTime?: number | null
  readonly createdAt?: number
  readonly updatedAt?: number
  readonly launchState?: LaunchState | null
  /** Null or absent when not known yet. */
  readonly creditsUsed?: number | null
  readonly [key: string]: unknown
}

/** One page as the server answered it; a number is absent when the server does not tell it. */
export interface SessionPage {
  readonly sessions: ReadonlyArray<Session>
  /** Sessions in the whole list that match the filter. */
  readonly totalCount?: number
  /** The number of this page, 1-based. */
  readonly page?: number
  /** Sessions on a full page. */
  readonly pageSize?: number
  /** Rows that are not in `sessions`, as they have no usable id; absent when there are none. */
  readonly unreadableRows?: ReadonlyArray<UnreadableRow>
  /** How many values had no meaning, and so are absent, by path such as `launchState.useProxy`; absent for none. */
  readonly ignoredValues?: Readonly<Record<string, number>>
  readonly [key: string]: unknown
}

/** A row that is no session, as it has no usable id. */
export interface UnreadableRow {
  /** The page that it was on, 1-based. */
  readonly page: number
  /** Its place among the rows of the page, 0-based. */
  readonly index: number
  /** Where in the body the problem is, such as `sessions[3].id`. */
  readonly path: string
  readonly reason: "not-an-object" | "id-missing" | "id-empty" | "id-not-text"
  /** The row as it was sent. It may hold secrets, as a session may. */
  readonly row: unknown
}

/** The sessions of one page that were not given before; may be none. */
export interface SessionsChunk {
  readonly sessions: ReadonlyArray<Session>
  /** The page that they were on, 1-based. */
  readonly page: number
  /** Rows of the page that are no sessions, whatever the filters. */
  readonly unreadableRows: ReadonlyArray<UnreadableRow>
  /** Where to go on after these sessions: the option `from` of a later read. */
  readonly resumeToken: string
}

/** What a read tells about itself when it ends. */
export interface ReadReport {
  readonly consistency: "verified" | "fast"
  /** Whether every session that was in the list during the whole read was given, for certain. */
  readonly completeness:
    | { readonly status: "proven"; readonly certificate: string; readonly assumption: string }
    | { readonly status: "unproven"; readonly reason: string }
  /** Pages asked for; retries do not count. */
  readonly requests: number
  /** Sessions given. */
  readonly emittedRows: number
  readonly duplicatesDropped: number
  /** Different rows received that are no sessions, as they have no usable id. */
  readonly unreadableRows: number
  /** How many values had no meaning, and so are absent from the sessions, by path. */
  readonly ignoredValues: Readonly<Record<string, number>>
  /** Whether the list was seen to change. */
  readonly driftSeen: boolean
  readonly [key: string]: unknown
}

/** Settings of a client; every one but the key has a default. Times are milliseconds. */
export interface SessionsClientOptions {
  /** The team's API key. */
  readonly apiKey: string
  /** Where the API is served; `https://api.hyperbrowser.ai` by default. A path is kept as a prefix. */
  readonly baseUrl?: string | URL | undefined
  /** Longest time for one request; 30,000 by default. */
  readonly attemptTimeout?: number | undefined
  /** Longest time for one page, all attempts and waits included; 300,000 by default. */
  readonly totalTimeout?: number | undefined
  /** Attempts after the first that a transient failure may cost; 5 by default, 0 for none. */
  readonly retries?: number | undefined
  /** Nominal delay before the first retry, doubled for each further one; 250 by default. */
  readonly retryBaseDelay?: number | undefined
  /** Longest nominal delay between attempts; 10,000 by default. */
  readonly retryMaxDelay?: number | undefined
  /** Longest `Retry-After` that is waited for; a longer one fails at once. 60,000 by default. */
  readonly maxRetryAfter?: number | undefined
  /** Most requests a second, over all reads of this client; 0 for no limit, the default. A 429 slows it down further. */
  readonly maxRequestsPerSecond?: number | undefined
  /** Longest body of an answer, in bytes after decompression; a longer one fails. 16 MiB by default. */
  readonly maxBodyBytes?: number | undefined
  /** Sent with each request; none by default. Neither `x-api-key` nor `accept`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** The header `user-agent`; `hb-sessions-core/VERSION` by default, and the browser's own in browsers. */
  readonly userAgent?: string | undefined
  /** Sends the requests, such as one that goes through a proxy; the runtime's own by default. */
  readonly fetch?: typeof globalThis.fetch | undefined
}

/** What one page is asked for with. */
export interface ListOptions {
  /** 1-based; 1 by default. */
  readonly page?: number | undefined
  /** Only sessions in this status; all by default. */
  readonly status?: string | undefined
  /** Sessions a page; the server's default by default, and a server may ignore it. */
  readonly pageSize?: number | undefined
  /** Ends the request; the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** What is read, and how. */
export interface ReadOptions {
  /** Only sessions in this status, or in one of these; all by default. */
  readonly status?: string | ReadonlyArray<string> | undefined
  /** Who filters by status; `server` by default, and always `client` for several statuses. */
  readonly filter?: "server" | "client" | undefined
  /** Whether the read goes on until nothing can be missing; `verified` by default. */
  readonly consistency?: "verified" | "fast" | undefined
  /** Most pages in flight; 8 by default. */
  readonly concurrency?: number | undefined
  /** Sessions a page; the server's default by default, and a server may ignore it. */
  readonly pageSize?: number | undefined
  /** Most pages of the list; a longer one fails as `PAGINATION_STUCK`. 1,000,000 by default. */
  readonly maxPages?: number | undefined
  /**
   * Retries that all requests of this read may take together before any succeeded; 32 by default, 0 for none. Each
   * success adds one, up to eight times as many, so that an outage does not become a storm.
   */
  readonly retryBudget?: number | undefined
  /** Only sessions created then or later; text is ISO 8601 (UTC if it does not say), a number epoch milliseconds. */
  readonly since?: Date | string | number | undefined
  /** Only sessions created before then, which must be after `since`. */
  readonly until?: Date | string | number | undefined
  /** The `resumeToken` of a chunk, to go on after it. */
  readonly from?: string | undefined
  /**
   * What a verified read with `from` does where the list has changed so that it cannot be told which sessions were
   * delivered before: it gives most of them again (`repeat`, the default), or fails as `INVALID_RESUME_TOKEN` (`fail`).
   */
  readonly whenChanged?: "repeat" | "fail" | undefined
  /** Is called with each row that is no session, as it has no usable id, and waited for as `onReport` is. */
  readonly onUnreadableRow?: ((row: UnreadableRow) => unknown) | undefined
  /** Is called when the read ends by itself, and waited for; what it throws or rejects with, the read fails with. */
  readonly onReport?: ((report: ReadReport) => unknown) | undefined
  /** Ends the read and its requests; the iteration throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** As `ReadOptions`, with a bound. */
export interface ArrayOptions extends ReadOptions {
  /** Most sessions in the array; the read ends there. */
  readonly limit: number
}

/** Reads the sessions of a team. */
export interface SessionsClient {
  /** Fetches one page as the server has it. */
  readonly list: (options?: ListOptions) => Promise<SessionPage>
  /**
   * Reads the sessions, each id once.
   *
   * Pages are fetched as the loop needs them; each loop over the result is a read of its own. Leaving the loop ends
   * the requests in flight.
   */
  readonly sessions: (options?: ReadOptions) => AsyncIterable<Session>
  /** As `sessions`, page by page, with the token to go on from after each. */
  readonly pages: (options?: ReadOptions) => AsyncIterable<SessionsChunk>
  /** Reads at most `limit` sessions into an array. */
  readonly toArray: (options: ArrayOptions) => Promise<Array<Session>>
}

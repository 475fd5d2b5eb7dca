/**
 * The client of the endpoint: one page a call, with timeouts, retries and typed errors.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { constTrue } from "effect/Function"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Answer } from "./internal/attempt.ts"
import { MaxBodyBytes } from "./internal/bodyLimit.ts"
import { clientDefaults } from "./internal/clientDefaults.ts"
import { Deadlines } from "./internal/Deadlines.ts"
import { limitBodies } from "./limitBodies.ts"
import { decodePage, decodePageStrictly } from "./internal/decodePage.ts"
import { firstProblem } from "./firstProblem.ts"
import { InvalidOptions } from "./InvalidOptions.ts"
import { oneEffect } from "./internal/oneEffect.ts"
import { clientProblem, credentialsProblem, durationProblem, queryProblem } from "./internal/optionProblem.ts"
import { countNotes } from "./internal/requestMetrics.ts"
import { type AttemptTurn, makeRequestPage } from "./internal/requestPage.ts"
import { defaultUserAgent } from "./internal/version.ts"
import type { Session } from "./Session.ts"
import { type DecodedPage, SessionPage } from "./SessionPage.ts"
import { type ListQuery, productionUrl, sessionsPath } from "./ListQuery.ts"
import { clientConfig } from "./SessionsConfig.ts"
import { SessionsError, UnexpectedResponse } from "./SessionsError.ts"

export type { AttemptTurn }

/** Settings of a client; every one but the key has a default. */
export interface SessionsClientOptions {
  /**
   * The team's API key, sent as `x-api-key`. An effect, for a key that can change, is run before each request, and once
   * more after a request whose key was rejected: `RejectedApiKey` tells it so, and another key is tried at once.
   */
  readonly apiKey: Redacted.Redacted | Effect.Effect<Redacted.Redacted>
  /** Where the API is served; `https://api.hyperbrowser.ai` by default. A path is kept as a prefix. */
  readonly baseUrl?: URL
  /** Longest time for one request, its body included; 30 seconds by default. */
  readonly attemptTimeout?: Duration.Input
  /** Longest time for one page, all attempts and waits included; 5 minutes by default. */
  readonly totalTimeout?: Duration.Input
  /** Attempts after the first that a transient failure may cost; 5 by default, 0 for none. */
  readonly retries?: number
  /**
   * Retries that all requests of the client may cost together; each success earns a fifth of one, up to this number. No
   * limit by default. A read has a budget of its own beside it.
   */
  readonly retryBudget?: number
  /** Nominal delay before the first retry, doubled for each further one; 250 milliseconds by default. */
  readonly retryBaseDelay?: Duration.Input
  /** Longest nominal delay between attempts; 10 seconds by default. */
  readonly retryMaxDelay?: Duration.Input
  /** Longest `Retry-After` that is waited for; a longer one fails at once. One minute by default. */
  readonly maxRetryAfter?: Duration.Input
  /** Most requests a second, over all reads of this client; 0 for no limit, the default. A 429 slows it down further. */
  readonly maxRequestsPerSecond?: number
  /**
   * Runs each attempt when its turn has come, in place of the client's own pace: for a queue that several callers share.
   * The wait counts towards `totalTimeout` only. An attempt that is not to be made fails with `UpstreamUnavailable` with
   * 0 `attempts`, which is not retried. By default none.
   */
  readonly turn?: AttemptTurn | undefined
  /**
   * Waited for before each attempt, after the client's own pace: for a bound that several clients share. The wait counts
   * towards `totalTimeout` only. Has no effect beside `turn`. By default none.
   */
  readonly admit?: Effect.Effect<void> | undefined
  /** Longest body of an answer, in bytes after decompression; a longer one fails. 16 MiB by default. */
  readonly maxBodyBytes?: number
  /** Sent with each request, such as `x-request-source`; none by default. Neither `x-api-key` nor `accept`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** The header `user-agent`; `hb-sessions-core/VERSION` by default, and the browser's own in browsers. */
  readonly userAgent?: string | undefined
  /**
   * How `getPage` reads a page: `tolerant`, as `DecodedPage` says, by default; with `strict` a page that does not fit the
   * contract is a failure.
   */
  readonly decoding?: "tolerant" | "strict"
}

/** A page as the server sent it, for those who pass it on. */
export interface PageResponse {
  /** The bytes of the body, unchanged. */
  readonly body: Uint8Array
  /** The body, parsed but not checked against the contract. */
  readonly json: unknown
  /** The server's id of the request; undefined when it sent none. */
  readonly requestId: string | undefined
}

// A redirect to another host would carry the key along: `fetch` strips `authorization` there, but not `x-api-key`.
const layerFetch = FetchHttpClient.layer.pipe(
  Layer.provide(Layer.succeed(FetchHttpClient.RequestInit, { redirect: "manual" }))
)

/**
 * Reads the sessions endpoint.
 *
 * **Details**
 *
 * Both methods retry HTTP 408, 429 and 5xx, network failures, timeouts, and cut or garbled bodies; they never retry
 * 400, 401, 402, 403, 404, a body that is too long, a body that is JSON but has no list of rows, or what will not pass: a
 * certificate that is not accepted, an unknown host, another protocol on the port. Redirects are rejected, so the key
 * cannot follow one.
 */
export class SessionsClient extends Context.Service<
  SessionsClient,
  {
    /**
     * Fetches one page and decodes it.
     *
     * `page` is 1-based and 1 by default. What a server answers past the last page is not specified: an empty page, an
     * error or the last page again.
     */
    readonly getPage: (query: ListQuery) => Effect.Effect<DecodedPage, SessionsError>
    /** Fetches one page and leaves its body as it came. */
    readonly getPageResponse: (query: ListQuery) => Effect.Effect<PageResponse, SessionsError>
  }
>()("@hb-sessions/core/SessionsClient") {
  /** A client over the `HttpClient` of the environment. */
  static readonly layerNoDeps = (
    options: SessionsClientOptions
  ): Layer.Layer<SessionsClient, never, HttpClient.HttpClient> => Layer.effect(SessionsClient, make(options))

  /** A client over the runtime's own `fetch`. */
  static readonly layer = (options: SessionsClientOptions): Layer.Layer<SessionsClient> =>
    this.layerNoDeps(options).pipe(Layer.provide(layerFetch))

  /** As `layerNoDeps`, with settings from the environment: see `SessionsConfig`. */
  static readonly layerConfigNoDeps = Layer.effect(
    SessionsClient,
    Effect.flatMap(clientConfig, (options) => make(options))
  )

  /** As `layer`, with settings from the environment: see `SessionsConfig`. */
  static readonly layerConfig = this.layerConfigNoDeps.pipe(Layer.provide(layerFetch))

  /** A client over a fixed list, for tests; pages hold 10 sessions unless the query says otherwise. */
  static readonly layerMemory = (sessions: ReadonlyArray<Session>): Layer.Layer<SessionsClient> =>
    Layer.succeed(SessionsClient, memory(sessions))
}

const make = Effect.fnUntraced(function* (options: SessionsClientOptions) {
  yield* oneEffect
  const problem = credentialsProblem(options) ?? clientProblem({ ...options }) ?? durationProblem({ ...options })
  if (problem !== undefined) return yield* Effect.die(new InvalidOptions({ detail: problem }))
  // Spans are ours, one an attempt; and a third party gets no trace headers.
  const maxBodyBytes = options.maxBodyBytes ?? clientDefaults.maxBodyBytes
  const services = Context.make(HttpClient.TracerDisabledWhen, constTrue).pipe(Context.add(MaxBodyBytes, maxBodyBytes))
  const http = (yield* HttpClient.HttpClient).pipe(
    HttpClient.transformResponse(Effect.provideContext(services)),
    limitBodies(maxBodyBytes)
  )
  const millis = (input: Duration.Input) => Duration.toMillis(Duration.fromInputUnsafe(input))
  const send = makeRequestPage(http, {
    url: pageUrl(options.baseUrl ?? new URL(productionUrl)),
    apiKey: Redacted.isRedacted(options.apiKey) ? Effect.succeed(options.apiKey) : options.apiKey,
    deadlines: new Deadlines(Duration.fromInputUnsafe(options.attemptTimeout ?? clientDefaults.attemptTimeout)),
    totalDeadlines: new Deadlines(Duration.fromInputUnsafe(options.totalTimeout ?? clientDefaults.totalTimeout)),
    retries: options.retries ?? clientDefaults.retries,
    delays: {
      base: Duration.fromInputUnsafe(options.retryBaseDelay ?? "250 millis"),
      max: Duration.fromInputUnsafe(options.retryMaxDelay ?? "10 seconds")
    },
    maxRetryAfter: millis(options.maxRetryAfter ?? clientDefaults.maxRetryAfter),
    maxRequestsPerSecond: options.maxRequestsPerSecond,
    retryBudget: options.retryBudget,
    turn: options.turn,
    admit: options.admit,
    headers: headersOf(options)
  })
  const request = (query: ListQuery) => {
    const wrong = isPage(query) ? undefined : queryProblem({ ...query })
    return wrong === undefined ? send(query) : Effect.die(new InvalidOptions({ detail: wrong }))
  }
  const decode = ({ body, json }: Answer, page: number) =>
    Effect.fromResult<DecodedPage, Schema.SchemaError>(
      options.decoding === "strict"
        ? decodePageStrictly(json)
        : decodePage(json, { text: () => new TextDecoder().decode(body), page })
    )
  return SessionsClient.of({
    getPageResponse: (query) =>
      Effect.map(request(query), ({ body, json, requestId }) => ({ body, json, requestId: requestId() })),
    getPage: (query) =>
      Effect.flatMap(request(query), (answer) =>
        decode(answer, query.page ?? 1).pipe(
          Effect.mapError(
            (error) =>
              new SessionsError({
                page: query.page ?? 1,
                reason: new UnexpectedResponse({
                  status: answer.status,
                  ...firstProblem(error.issue),
                  ...requestIdOf(answer)
                })
              })
          ),
          Effect.tap(countNotes)
        )
      )
  })
})

const requestIdOf = ({ requestId }: Answer): { readonly requestId?: string } => {
  const id = requestId()
  return id === undefined ? {} : { requestId: id }
}

/** What every page of a read is asked for with, told without the words that are wanted for what is wrong. */
const isPage = ({ limit = 1, page = 1, status = "any", ...others }: ListQuery): boolean =>
  isPositive(page) && isPositive(limit) && typeof status === "string" && status !== "" && !("pageSize" in others)

const isPositive = (value: number): boolean => Number.isSafeInteger(value) && value > 0

/** Whatever the case of the names, each header is sent once. */
const headersOf = ({ headers = {}, userAgent = defaultUserAgent() }: SessionsClientOptions): Headers.Headers =>
  Headers.fromInput({
    ...(userAgent === undefined ? {} : { "user-agent": userAgent }),
    ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    accept: "application/json"
  })

/** A prefix in the path of the base URL is kept. */
const pageUrl = (base: URL): string => {
  const url = new URL(base)
  url.pathname = `${url.pathname.replace(/\/+$/, "")}${sessionsPath}`
  url.search = ""
  url.hash = ""
  return url.href
}

const memory = (sessions: ReadonlyArray<Session>) => {
  const getPage = ({ limit = 10, page = 1, status }: ListQuery): SessionPage => {
    const matching = status === undefined ? sessions : sessions.filter((session) => session.status === status)
    return {
      sessions: matching.slice((page - 1) * limit, page * limit),
      totalCount: matching.length,
      page,
      pageSize: limit
    }
  }
  const encode = Schema.encodeSync(SessionPage)
  return SessionsClient.of({
    getPage: (query) => Effect.sync(() => getPage(query)),
    getPageResponse: (query) =>
      Effect.sync(() => {
        const json = encode(getPage(query))
        return { body: new TextEncoder().encode(JSON.stringify(json)), json, requestId: undefined }
      })
  })
}

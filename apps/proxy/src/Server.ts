/**
 * The proxy as a whole: its parts, put together and listening.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as AccessLog from "./operations/AccessLog.ts"
import * as Admin from "./operations/Admin.ts"
import type { CachedResponse } from "./cache/CachedResponse.ts"
import { ByteCache } from "./cache/ByteCache.ts"
import type { Ended } from "./http/ConnectionLog.ts"
import * as Documents from "./routes/documents.ts"
import * as RequestHandler from "./http/RequestHandler.ts"
import * as ClientAddress from "./http/ClientAddress.ts"
import * as HostCheck from "./http/HostCheck.ts"
import { failures, type LoadError } from "./cache/LoadError.ts"
import { type Address, listen, type ListenerOptions } from "./http/Listener.ts"
import { LastErrors } from "./operations/LastErrors.ts"
import * as Metrics from "./operations/Metrics.ts"
import * as OperatorView from "./operations/OperatorView.ts"
import { Outbox } from "./http/Outbox.ts"
import type { Settings } from "./settings/Settings.ts"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as RequestFiber from "./http/RequestFiber.ts"
import { CurrentLink } from "./redis/RedisLink.ts"
import { SharedFailures } from "./redis/SharedFailures.ts"
import { SharedRates } from "./redis/SharedRates.ts"
import * as SharedLastUses from "./redis/SharedLastUses.ts"
import { SharedPages } from "./redis/SharedPages.ts"
import type { FindAccount } from "./access/accountOf.ts"
import { stateOf } from "./access/Token.ts"
import { TokenStore } from "./access/TokenStore.ts"
import * as ExpiryAudit from "./operations/ExpiryAudit.ts"
import * as LastUse from "./operations/LastUse.ts"
import { Usage } from "./operations/Usage.ts"
import { Feeds } from "./watch/Feeds.ts"
import { UpstreamAccounts } from "./upstream/UpstreamAccounts.ts"
import { usageError } from "./ServerLayers.ts"

/** Where a running proxy listens. */
export interface Running {
  /** Undefined where no port is listened on. */
  readonly url: string | undefined
  readonly adminUrl: string
  /** The path of the Unix socket; undefined without one. */
  readonly socket: string | undefined
}

/** How often the tokens are looked at of what is under way. */
const RECHECK = "500 millis"

const LAST_PORT = 65_535

/** Where clients are served. */
const addressesOf = ({ host, port, socket, socketMode }: Settings): ReadonlyArray<Address> => [
  ...(port === undefined ? [] : [{ host, port }]),
  ...(socket === undefined ? [] : [{ path: socket, mode: socketMode }])
]

const portAfter = (port: number | undefined): number =>
  port === undefined || port === 0 || port === LAST_PORT ? 0 : port + 1

/** A token whose account is not served may be a mistake of the operator, whom its client would have to tell. */
const warnOfUnserved = Effect.fnUntraced(function* (tokens: TokenStore["Service"], accounts: FindAccount) {
  const now = yield* Clock.currentTimeMillis
  const unserved = tokens
    .records()
    .filter((record) => stateOf(record, now) === "active" && accounts.find(record.account) === undefined)
  const [first] = unserved
  if (first === undefined) return
  const whose = first.account === undefined ? "of no account" : `of the account ${first.account}`
  yield* Effect.logWarning(
    `${unserved.length} of the tokens belong to no account that is served, such as ${first.name}, which is ${whose}; they get 403`
  )
})

/** Starts the proxy; closing the scope stops it after what is under way. */
export const start = Effect.fnUntraced(function* (settings: Settings) {
  if (addressesOf(settings).length === 0) {
    return yield* usageError("--port none leaves nothing to listen on; give --socket too, or leave it out")
  }
  const tokens = yield* TokenStore
  const accounts = yield* UpstreamAccounts
  const usage = yield* Usage
  yield* warnOfUnserved(tokens, accounts)
  const clock = yield* Clock.Clock
  const log = yield* AccessLog.make(settings.accessLog)
  // Ends after the listeners have, which wait for what runs in it.
  const work = yield* Scope.fork(yield* Effect.scope)
  const cache = yield* ByteCache.make<CachedResponse, LoadError>(
    {
      fresh: settings.cacheFresh,
      staleWhileRevalidate: settings.cacheStale,
      staleIfError: settings.cacheError,
      patience: settings.cachePatience,
      negative: settings.cacheNegative,
      maxBytes: settings.cacheBytes
    },
    failures
  ).pipe(Scope.provide(work))
  const link = yield* CurrentLink
  const { tokensFile } = settings
  if (!settings.withoutTokens) {
    if (tokensFile !== undefined) yield* LastUse.keep((uses) => LastUse.add(tokensFile, uses), usage.lastUses)
    else if (link !== undefined) yield* LastUse.keep((uses) => SharedLastUses.add(link, uses), usage.lastUses)
  }
  yield* ExpiryAudit.watch({ file: settings.auditLog, link, records: tokens.records })
  const documents = yield* Documents.make
  const context = yield* Effect.context<never>()
  const run = (effect: Effect.Effect<void>) => Fiber.runIn(Effect.runForkWith(context)(effect), work)
  const stopping = yield* Deferred.make<void>()
  const perform = RequestFiber.make({
    stopping: Deferred.await(stopping),
    cache,
    pages:
      link === undefined || settings.cacheBytes === 0
        ? undefined
        : new SharedPages({
            link,
            keepMillis: Duration.toMillis(settings.cacheFresh) + Duration.toMillis(settings.cacheStale),
            maxBytes: settings.cacheBytes,
            isStrict: settings.strictUpstream
          }),
    feeds: new Feeds({ run, interval: settings.watchInterval, longest: settings.readTimeout }),
    isStrict: settings.strictUpstream,
    readConcurrency: settings.readConcurrency,
    heartbeat: settings.heartbeat,
    deadline: settings.deadline,
    readTimeout: settings.readTimeout
  })
  const onEnded = (connection: Ended) => {
    if (connection.status === undefined) Metrics.count(Metrics.droppedFor(connection.reason))
    else Metrics.rejected(connection.status)
    log.ended(connection)
  }
  const outbox = new Outbox(settings.maxQueued, (address) => onEnded({ reason: "queued", address }))
  const errors = new LastErrors()
  const timeOfDay = () => clock.currentTimeMillisUnsafe()
  const isMeant = HostCheck.make(settings.allowedHosts ?? [])
  const requestHandler = RequestHandler.make({
    tokens,
    accounts,
    isMeant,
    addressOf: ClientAddress.make({ trusted: settings.trustedProxies ?? [], header: settings.forwardedHeader }),
    rate: settings.rate,
    burst: settings.burst,
    ...(link === undefined
      ? {}
      : { sharedRates: new SharedRates(link, clock), sharedFailures: new SharedFailures(link) }),
    maxConcurrent: settings.maxConcurrent,
    maxStreams: settings.maxStreams,
    maxWatchers: settings.maxWatchers,
    corsOrigins: new Set(settings.corsOrigins),
    cache,
    log: (entry) => {
      usage.answered(entry)
      errors.note(entry, timeOfDay)
      log.answered(entry)
    },
    outbox,
    timeOfDay,
    now: () => SteadyTime.nowUnsafe(clock),
    documents,
    run: (exchange, asked, account, onEnd) => {
      const { client } = exchange
      usage.know({ tokenId: client?.id, client: client?.name, account: client?.account })
      return RequestFiber.fork(exchange, run, perform(exchange, asked, account), onEnd)
    }
  })
  yield* Effect.sync(requestHandler.endUnallowed).pipe(
    // Nothing may end the looking.
    Effect.catchCause((cause) => Effect.logError("tokens could not be looked at again", Cause.pretty(cause))),
    Effect.repeat(Schedule.spaced(RECHECK)),
    Effect.forkIn(work)
  )

  const common: Omit<ListenerOptions, "at" | "drain" | "grace" | "onDrain" | "onShut"> = {
    headerTimeout: settings.headerTimeout,
    clientTimeout: settings.clientTimeout,
    keepAlive: settings.keepAlive,
    maxConnections: settings.maxConnections,
    outbox,
    onEnded
  }
  let connections = () => 0
  const upstreams = Effect.suspend(() =>
    Effect.forEach(accounts.all(), ({ health, name, status }) =>
      Effect.map(health.openFor, (openFor) => ({
        account: name,
        isUsable: status().status === "usable",
        isBreakerOpen: openFor !== undefined
      }))
    )
  )
  const observe = Effect.map(upstreams, (observed) =>
    Metrics.observe({
      cacheBytes: cache.bytes,
      cacheEntries: cache.size,
      inFlight: requestHandler.inFlight(),
      connections: connections(),
      queuedBytes: outbox.bytes,
      isDraining: requestHandler.isDraining(),
      tokensAgeMillis: tokens.ageMillis(),
      upstreams: observed
    })
  )
  // Listens first and stops last: /readyz must tell of the stop.
  const admin = yield* listen(
    Admin.handler(
      yield* Admin.make({
        accounts,
        usage: usage.report,
        view: OperatorView.make({
          ...{ accounts, tokens, usage: usage.report, cache, link, errors, settings },
          inFlight: requestHandler.inFlight,
          connections: () => connections(),
          isDraining: requestHandler.isDraining
        }),
        isDraining: requestHandler.isDraining,
        hasTokens: tokens.isUsable,
        observe
      }),
      (effect) => void run(effect),
      isMeant
    ),
    {
      ...common,
      at: { host: settings.adminHost, port: settings.adminPort ?? portAfter(settings.port) },
      maxConnections: 64,
      drain: Duration.zero,
      grace: Duration.seconds(1),
      onDrain: () => {},
      onShut: () => {}
    }
  )
  // They stop at the same time.
  const mains = yield* Scope.fork(yield* Effect.scope, "parallel")
  const listeners = yield* Effect.forEach(addressesOf(settings), (at) =>
    listen(requestHandler.handle, {
      ...common,
      at,
      drain: settings.drain,
      grace: settings.grace,
      onDrain: requestHandler.drain,
      onShut: () => Deferred.doneUnsafe(stopping, Exit.void)
    }).pipe(
      Scope.provide(mains),
      Effect.map((listener) => ({ ...listener, isSocket: "path" in at }))
    )
  )
  connections = () => listeners.reduce((sum, listener) => sum + listener.connections(), 0)
  const urlOf = (isSocket: boolean) => listeners.find((listener) => listener.isSocket === isSocket)?.url
  return { url: urlOf(false), adminUrl: admin.url, socket: urlOf(true) } satisfies Running
})

/**
 * The tokens of a running server, read again whenever their file changes.
 */
import type * as AppError from "@hb-sessions/app-kit/AppError"
import * as FileState from "@hb-sessions/app-kit/FileState"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Metrics from "../operations/Metrics.ts"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import { anonymous, type Authenticate, authenticator, type StandingOf, type TokenRecord } from "./Token.ts"
import * as TokensFile from "./TokensFile.ts"

const POLL = "500 millis"
/** Milliseconds after which a file that could not be read and looks the same is tried again: doubled up to the last. */
const FIRST_RETRY = 500
const LAST_RETRY = 5000
/** Failures are logged no more often than this, in milliseconds; all are counted. */
const LOG_INTERVAL = 60_000

/** Knows the clients. */
export class TokenStore extends Context.Service<
  TokenStore,
  {
    /** Synchronous, so that a cached answer needs no fiber. */
    readonly authenticate: Authenticate
    /** Tells what became of a client that was found before. */
    readonly standingOf: StandingOf
    /** What is kept of each token, also of those that have ended. */
    readonly records: () => ReadonlyArray<TokenRecord>
    /** Whether a request without a credential is welcome. */
    readonly isOpen: boolean
    /** Whether the tokens can be believed: false when their file could not be read for too long. */
    readonly isUsable: () => boolean
    /** Milliseconds since the tokens were last known to be those of the file; undefined without tokens. */
    readonly ageMillis: () => number | undefined
  }
>()("@hb-sessions/proxy/TokenStore") {
  /**
   * The tokens of a file.
   *
   * **Details**
   *
   * A change is noticed within half a second. A file that became unusable is tried again when it changes, and after 0.5
   * to 5 seconds when it does not, until it can be read. What was read before stays in force meanwhile, for `staleAfter`
   * at most: removing the file does not open the proxy, does not lock all clients out at once, and does not keep a token
   * alive that was revoked in a file that cannot be read. Failures are logged once a minute at most.
   */
  static readonly layerFile = (
    file: string,
    staleAfter: Duration.Duration
  ): Layer.Layer<TokenStore, AppError.AppError> =>
    Layer.effect(
      TokenStore,
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        const now = () => SteadyTime.nowUnsafe(clock)
        const limit = Duration.toMillis(staleAfter)
        let knownAt = now()
        const first = yield* FileState.look(file)
        let seen = first.state
        let tokens = authenticator(yield* TokensFile.read(file))
        let failing: { count: number; seen: string; retryAt: number; isLogged: boolean; isStale: boolean } | undefined
        let loggedAt = -LOG_INTERVAL
        const ageMillis = () => now() - knownAt
        const isUsable = () => ageMillis() <= limit

        const succeeded = Effect.fnUntraced(function* (at: number) {
          knownAt = at
          if (failing?.isLogged === true) yield* Effect.logInfo(`tokens file ${file} can be read again`)
          failing = undefined
        })

        const failed = Effect.fnUntraced(function* (at: number, found: string, problem: string) {
          Metrics.count(Metrics.tokensReloadFailures)
          const count = failing?.seen === found ? failing.count + 1 : 1
          const retryAt = at + Math.min(LAST_RETRY, FIRST_RETRY * 2 ** (count - 1))
          const isStale = !isUsable()
          const isDue = at - loggedAt >= LOG_INTERVAL || (isStale && failing?.isStale !== true)
          failing = { count, seen: found, retryAt, isLogged: failing?.isLogged === true || isDue, isStale }
          if (!isDue) return
          loggedAt = at
          yield* Effect.logError(
            isStale
              ? `${problem}; it could not be read for ${shown(ageMillis())}, so no token is valid until it can`
              : `${problem}; the tokens read before stay in force for another ${shown(limit - ageMillis())}`
          )
        })

        const look = Effect.gen(function* () {
          const at = now()
          const { isNamed, state: found } = yield* FileState.look(file)
          if (found === seen) return yield* succeeded(at)
          if (failing?.seen === found && at < failing.retryAt) return
          // Some file systems never tell of names.
          const isReplaced = first.isNamed && !isNamed
          yield* (isReplaced ? Effect.fail(TokensFile.replaced(file)) : TokensFile.read(file)).pipe(
            Effect.matchCauseEffect({
              onFailure: (cause) => failed(at, found, problemOf(file, cause)),
              onSuccess: Effect.fnUntraced(function* (list) {
                tokens = authenticator(list)
                // Only what was read is seen: a read that failed is tried again.
                seen = found
                yield* Effect.logInfo("tokens reloaded")
                yield* succeeded(at)
              })
            })
          )
        })
        Metrics.count(Metrics.tokensReloadFailures, 0)
        yield* look.pipe(Effect.repeat(Schedule.spaced(POLL)), Effect.forkScoped)
        return TokenStore.of({
          authenticate: (credential, time) => tokens.authenticate(credential, time),
          standingOf: (client, time) => tokens.standingOf(client, time),
          records: () => tokens.records,
          isOpen: false,
          isUsable,
          ageMillis
        })
      })
    )

  /** No tokens: all callers are the same client. */
  static readonly layerOpen = Layer.succeed(TokenStore, {
    authenticate: () => anonymous,
    standingOf: () => "same",
    records: () => [],
    isOpen: true,
    isUsable: () => true,
    ageMillis: () => undefined
  })
}

const problemOf = (file: string, cause: Cause.Cause<AppError.AppError>): string =>
  Option.match(Cause.findErrorOption(cause), {
    onNone: () => `tokens file ${file}: ${Cause.pretty(cause)}`,
    onSome: ({ message }) => message
  })

const shown = (millis: number): string => Duration.format(Duration.seconds(Math.max(0, Math.round(millis / 1000))))

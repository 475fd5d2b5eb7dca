/**
 * The feeds of all accounts: each is polled while somebody watches it, by one fiber for all of them.
 */
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { SessionsError } from "@hb-sessions/core/SessionsError"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Problem from "../http/Problem.ts"
import { upstreamProblem } from "../http/upstreamProblem.ts"
import * as Metrics from "../operations/Metrics.ts"
import { Claim } from "../upstream/Claim.ts"
import { CurrentWork } from "../upstream/FairQueue.ts"
import type { UpstreamAccount } from "../upstream/UpstreamAccount.ts"
import { Feed, maxWatched, watchedStatus, type Watcher } from "./Feed.ts"

/** How accounts are polled. */
export interface FeedsOptions {
  /** Runs an effect to its end, or to that of the server. */
  readonly run: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  /** Time between two polls. */
  readonly interval: Duration.Duration
  /** Longest time of a poll. */
  readonly longest: Duration.Duration
}

/** How long what is known of an account is kept for those who come back. */
const KEPT = Duration.minutes(1)
/** Longest time between two polls that fail. */
const LONGEST_WAIT = Duration.minutes(1)

interface Followed {
  readonly feed: Feed
  isPolled: boolean
}

/** What is watched, by account. */
export class Feeds {
  private readonly options: FeedsOptions
  private readonly feeds = new Map<UpstreamAccount, Followed>()

  constructor(options: FeedsOptions) {
    this.options = options
  }

  /** Watches an account, which is polled from now on; returns a function that ends it. */
  watch(account: UpstreamAccount, watcher: Watcher): { readonly feed: Feed; readonly leave: () => void } {
    const followed = this.feeds.get(account) ?? { feed: new Feed(), isPolled: false }
    this.feeds.set(account, followed)
    const leave = followed.feed.add(watcher)
    if (!followed.isPolled) {
      followed.isPolled = true
      this.options.run(this.follow(account, followed))
    }
    return { feed: followed.feed, leave }
  }

  private follow(account: UpstreamAccount, followed: Followed): Effect.Effect<void> {
    const { feed } = followed
    const { interval, longest } = this.options
    // In one step: who comes between a look and the end would wait for a poll that never is.
    const isOver = () => {
      if (!feed.isIdle) return false
      followed.isPolled = false
      feed.pause()
      return true
    }
    const forget = () => {
      if (feed.isIdle && this.feeds.get(account) === followed) this.feeds.delete(account)
    }
    return Effect.gen(function* () {
      let failures = 0
      while (!isOver()) {
        failures = (yield* poll(account, feed, longest, failures > 0)) ? 0 : failures + 1
        const wait = Duration.times(interval, 2 ** Math.min(failures, 10))
        yield* Effect.sleep(failures === 0 ? interval : Duration.max(interval, Duration.min(wait, LONGEST_WAIT)))
      }
    }).pipe(
      Effect.andThen(Effect.sleep(KEPT)),
      Effect.andThen(Effect.sync(forget)),
      account.name === undefined ? identity : Effect.annotateLogs("account", account.name)
    )
  }
}

/** Asks for the active sessions; whether that succeeded. */
const poll = (
  account: UpstreamAccount,
  feed: Feed,
  longest: Duration.Duration,
  isFailing: boolean
): Effect.Effect<boolean> => {
  const [first = "", ...others] = feed.owners
  const claim = new Claim(first)
  for (const owner of others) claim.add(owner)
  return Sessions.stream({ status: watchedStatus, concurrency: 1 }).pipe(
    // The upstream may not have filtered.
    Stream.filter(({ status }) => status === watchedStatus),
    Stream.take(maxWatched + 1),
    Stream.runCollect,
    Effect.timeoutOption(longest),
    Effect.provideService(SessionsClient, account.client),
    Effect.provideService(CurrentWork, { claim, kind: "list" }),
    Effect.withSpan("events.poll", { root: true }),
    Effect.flatMap((found) =>
      Option.match(found, {
        onNone: () => fail(feed, tooLong, isFailing),
        onSome: (sessions) =>
          Effect.map(Clock.currentTimeMillis, (at) => {
            feed.found(sessions, at)
            return true
          })
      })
    ),
    Effect.catchTag("SessionsError", (error) => {
      tellOfKey(account, error)
      return fail(feed, upstreamProblem(error, account.secrets), isFailing)
    }),
    // A bug must not end the feed of all.
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : Effect.andThen(
            Effect.logError("active sessions could not be read", account.secrets.hide(Cause.pretty(cause))),
            fail(feed, unexpected, true)
          )
    )
  )
}

const tellOfKey = ({ name }: UpstreamAccount, { reason }: SessionsError): void => {
  if (reason._tag === "Unauthorized") Metrics.keyRejected(name)
}

/** Tells those who watch, and once the operator. */
const fail = (feed: Feed, rejection: Problem.Rejection, isFailing: boolean): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    feed.failed(Problem.body(rejection, "events"))
    const told = Effect.logWarning(`the active sessions cannot be read for those who watch: ${rejection.detail}`)
    return Effect.as(isFailing ? Effect.void : told, false)
  })

const tooLong = Problem.reject("upstream-timeout", "the active sessions took too long to read")
const unexpected = Problem.reject("internal", "unexpected error in the proxy; please report it")

/**
 * Tells people how runs end, and when there was no success for too long.
 */
import type { Given } from "@hb-sessions/app-kit/Setting"
import { ApiKey } from "@hb-sessions/app-kit/ApiKey"
import type { Failure } from "@hb-sessions/app-kit/AppError"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import { exitCodes } from "../exitCodes.ts"
import { Destination } from "../publish/Destination.ts"
import type { Manifest } from "../publish/Manifest.ts"
import type { Published } from "../publish/publishGeneration.ts"
import { notifyConfig, usableNotifySettings } from "../settings/configs.ts"
import { withSettings, withUsableSettings } from "../settings/environment.ts"
import { deliver } from "./Delivery.ts"
import * as Memory from "./Memory.ts"
import { type Outcome, publishedOf, type Told } from "./Notification.ts"
import { codeOf, messageOf } from "./RunMonitor.ts"
import * as Staleness from "./Staleness.ts"

/** Of which export people are told. */
export interface NotifyOptions {
  /** The name of the account; that of the export by default. */
  readonly account?: string
  /** How long a success was waited for already; 0 by default. */
  readonly waited?: Duration.Duration
}

/** Tells people of one export. */
export interface Notifier {
  /** Runs a job and tells how it ended; what goes wrong with that is logged, and changes nothing for the job. */
  readonly watch: <R>(job: Effect.Effect<Published, Failure, R>) => Effect.Effect<Published, Failure, R>
  /** Tells of a failure before any run. */
  readonly tellFailure: (cause: Cause.Cause<Failure>, about: Ended) => Effect.Effect<void>
  /** Tells when there was no success for too long, and again each time that it has been as long again; never ends. */
  readonly watchStaleness: Effect.Effect<never>
  /** Tells when there was no success for too long. */
  readonly checkStaleness: Effect.Effect<void>
}

/** Makes the notifier of an export from the settings. */
export const make = Effect.fn("Notify.make")(function* (options: NotifyOptions) {
  const { id: destination, newest, note } = yield* Destination
  const key = yield* Effect.serviceOption(ApiKey)
  const { name, on, staleAfter, urls } = yield* notifyConfig
  const isToldOf = yield* IsTold
  const account = options.account ?? Option.getOrElse(name, () => destination)
  const memory = Memory.make(note)

  const tell = (outcome: Outcome, about: About, published: Option.Option<Manifest>) =>
    deliver(
      { urls, secrets: Option.match(key, { onNone: () => [], onSome: ({ known }) => known() }) },
      {
        outcome,
        account,
        destination,
        ...about,
        ...Option.match(published, { onNone: () => ({}), onSome: (found) => ({ published: publishedOf(found) }) })
      }
    )
  const published = newest.pipe(
    Effect.map(Option.map(({ manifest }) => manifest)),
    Effect.timeout(READ_LIMIT),
    Effect.orElseSucceed(() => Option.none<Manifest>())
  )

  const remember = Effect.fnUntraced(function* (told: Partial<Memory.Remembered>) {
    const now = yield* Clock.currentTimeMillis
    const before = Option.getOrElse(yield* memory.read, (): Memory.Remembered => ({ since: now }))
    yield* memory.write({ ...before, ...told })
  })

  const checkStaleness = yield* Staleness.alarm({
    published,
    memory,
    waited: options.waited,
    tell: Effect.fnUntraced(function* (message, limit, found) {
      yield* Effect.logWarning(`the export is stale: ${message}`)
      if (urls.length === 0 || !on.has("stale")) return true
      const isAccepted = yield* tell("stale", { message, staleAfterSeconds: Duration.toSeconds(limit) }, found)
      if (isAccepted) yield* remember({ staleTold: yield* Clock.currentTimeMillis })
      return isAccepted
    })
  })
  const check = Option.match(staleAfter, { onNone: () => Effect.succeed(Infinity), onSome: checkStaleness })

  const succeeded = Effect.fnUntraced(function* (run: Published, about: Ended) {
    const { manifest } = run.compacted ?? run.stored
    const { completeness } = manifest.report
    if (completeness.status === "unproven" && on.has("unproven")) {
      const message = `${exported(run)}, but its completeness is unproven (${completeness.reason})`
      if (yield* tell("unproven", { ...about, message }, Option.some(manifest))) yield* remember({})
      return
    }
    const trouble = yield* memory.read
    const message = `${exported(run)}, ${manifest.completeness}`
    if (Option.isNone(trouble) || !on.has("recovered")) {
      if (Option.isSome(trouble)) yield* memory.clear
      if (on.has("succeeded")) yield* tell("succeeded", { ...about, message }, Option.some(manifest))
      return
    }
    const troubledSince = new Date(trouble.value.since).toISOString()
    // Until someone has heard of it, the next success is news too.
    if (yield* tell("recovered", { ...about, message, troubledSince }, Option.some(manifest))) yield* memory.clear
  })

  const tellFailure = Effect.fnUntraced(function* (cause: Cause.Cause<Failure>, about: Ended) {
    if (urls.length === 0 || Cause.hasInterruptsOnly(cause)) return
    if (!isToldOf(about.exitCode) || !on.has("failed")) {
      yield* check
      return
    }
    if (yield* tell("failed", { ...about, message: messageOf(cause) }, yield* published)) yield* remember({})
  })

  const watch: Notifier["watch"] = (job) =>
    Effect.gen(function* () {
      const started = yield* SteadyTime.now
      return yield* Effect.onExit(job, (exit) =>
        Effect.gen(function* () {
          if (Exit.isFailure(exit)) markAsTold(exit.cause)
          const durationSeconds = Math.round((yield* SteadyTime.now) - started) / 1000
          const about = { exitCode: codeOf(exit), durationSeconds }
          yield* Exit.isSuccess(exit) ? succeeded(exit.value, about) : tellFailure(exit.cause, about)
        }).pipe(toItsEnd)
      )
    })

  const watchStaleness = Effect.forever(Effect.flatMap(check, Staleness.wait))
  const notifier: Notifier = {
    watch: urls.length === 0 ? (job) => job : watch,
    tellFailure,
    watchStaleness,
    checkStaleness: Effect.asVoid(check)
  }
  return notifier
})

/** What is told of a run, beside what is told of its export. */
type About = Omit<Told, "account" | "destination" | "outcome" | "published" | "time">

/** How a run ended. */
interface Ended {
  readonly exitCode: number
  /** Absent if it had not begun. */
  readonly durationSeconds?: number
}

/** Ends that are not told: what stopped the run is known, or another run is at work. */
const QUIET: ReadonlySet<number> = new Set([exitCodes.locked, exitCodes.interrupted, exitCodes.stopped])

/** Whether people are told of a failure with this exit code. */
export const IsTold = Context.Reference<(exitCode: number) => boolean>("@hb-sessions/export/IsTold", {
  defaultValue: () => (exitCode: number) => !QUIET.has(exitCode)
})

/** How long the published manifest is waited for. */
const READ_LIMIT = Duration.seconds(2)

const exported = ({ compacted, stored, target }: Published): string => {
  const { current, generation } = (compacted ?? stored).manifest
  return `exported ${stored.manifest.sessions} sessions to ${target}; generation ${generation} with ${current} sessions in all`
}

/** Whatever interrupts a run that failed, people are told of it; every step has its own time limit. */
const toItsEnd = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.flatMap(Effect.forkDetach(self), Fiber.await)

/** Failures that people were told of, so that they are told of each once. */
const knownFailures = new WeakSet<object>()

const failureOf = (cause: Cause.Cause<Failure>): object | undefined => {
  const failure = Cause.squash(cause)
  return typeof failure === "object" && failure !== null ? failure : undefined
}

const markAsTold = (cause: Cause.Cause<Failure>): void => {
  const failure = failureOf(cause)
  if (failure !== undefined) knownFailures.add(failure)
}

const isTold = (cause: Cause.Cause<Failure>): boolean => {
  const failure = failureOf(cause)
  return failure !== undefined && knownFailures.has(failure)
}

/**
 * Tells of a failure before any run began, such as of a setting that is not valid, as far as the settings can be read.
 * `account` is as for `make`.
 */
export const watchStart =
  (given: Given, account?: string) =>
  <A, R>(self: Effect.Effect<A, Failure, R>): Effect.Effect<A, Failure, R | FileSystem.FileSystem | Path.Path> =>
    Effect.onError(self, (cause) => {
      if (isTold(cause)) return Effect.void
      const about = { exitCode: codeOf(Exit.failCause(cause)) }
      return Effect.flatMap(make(account === undefined ? {} : { account }), ({ tellFailure }) =>
        tellFailure(cause, about)
      ).pipe(
        withSettings(given),
        // Other settings are not valid either.
        Effect.catch(() => tellStart(given, cause, account)),
        toItsEnd
      )
    })

/** As `watchStart`, for failures to find out which exports are meant. */
export const watchSettings =
  (given: Given) =>
  <A, R>(self: Effect.Effect<A, Failure, R>): Effect.Effect<A, Failure, R | FileSystem.FileSystem> =>
    Effect.onError(self, (cause) => toItsEnd(tellStart(given, cause)))

/** Tells of a failure that no export is known of. */
const tellStart = (given: Given, cause: Cause.Cause<Failure>, account?: string) =>
  Effect.gen(function* () {
    const { destination, name, on, urls } = yield* usableNotifySettings
    if (Cause.hasInterruptsOnly(cause) || !on.has("failed")) return
    const about = { exitCode: codeOf(Exit.failCause(cause)), message: messageOf(cause) }
    const place = destination === undefined ? {} : { destination }
    yield* deliver({ urls, secrets: [] }, { outcome: "failed", account: account ?? name, ...place, ...about })
  }).pipe(withUsableSettings(given))

/**
 * How the runs of many accounts ended: a table for people, and one exit code.
 */
import { aligned } from "@hb-sessions/app-kit/aligned"
import { AppError, type Failure } from "@hb-sessions/app-kit/AppError"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { exitCodes } from "../exitCodes.ts"
import { codeOf, messageOf } from "./RunMonitor.ts"

/** How the run of one account ended. */
export interface AccountOutcome {
  readonly account: string
  readonly exitCode: number
  /** What is told of a success; undefined after a failure. */
  readonly done: Done | undefined
  /** In milliseconds. */
  readonly duration: number
}

/** What is told of a success. */
export interface Done {
  /** Such as `published`. */
  readonly outcome: string
  readonly rows?: number
  readonly completeness?: "proven" | "unproven"
}

/** Runs something for an account; its failure, and a defect too, becomes an outcome, and is logged. */
export const outcomeOf = <R>(
  account: string,
  run: Effect.Effect<Done, Failure, R>
): Effect.Effect<AccountOutcome, never, R> =>
  Effect.gen(function* () {
    const started = yield* SteadyTime.now
    const exit = yield* Effect.exit(run)
    if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
    const outcome: AccountOutcome = {
      account,
      exitCode: codeOf(exit),
      done: Exit.isSuccess(exit) ? exit.value : undefined,
      duration: (yield* SteadyTime.now) - started
    }
    if (Exit.isFailure(exit)) {
      const message = messageOf(exit.cause)
      yield* Effect.logError(`failed with exit code ${outcome.exitCode}: ${message}`).pipe(
        Effect.annotateLogs("account", account)
      )
    }
    return outcome
  })

/** A line an account, below a header. */
export const table = (outcomes: ReadonlyArray<AccountOutcome>): ReadonlyArray<string> => {
  const rows = [
    ["account", "outcome", "rows", "completeness", "time"],
    ...outcomes.map(({ account, done, duration, exitCode }) => [
      account,
      done?.outcome ?? `failed (${exitCode})`,
      String(done?.rows ?? "-"),
      done?.completeness ?? "-",
      `${(duration / 1000).toFixed(1)} s`
    ])
  ]
  return aligned(rows)
}

/** The exit codes, the worst first: those that need an operator come before those after which a retry may help. */
const severity: ReadonlyArray<number> = [
  exitCodes.unexpected,
  exitCodes.usage,
  exitCodes.auth,
  exitCodes.invalidResponse,
  exitCodes.unproven,
  exitCodes.disk,
  exitCodes.unavailable,
  exitCodes.locked,
  exitCodes.stopped
]

/** Fails with the worst exit code, and names the accounts that failed; succeeds if none did. */
export const check = (outcomes: ReadonlyArray<AccountOutcome>): Effect.Effect<void, AppError> => {
  const failed = outcomes.filter(({ exitCode }) => exitCode !== exitCodes.ok)
  if (failed.length === 0) return Effect.void
  const exitCode = severity.find((code) => failed.some((outcome) => outcome.exitCode === code)) ?? exitCodes.unexpected
  const names = failed.map(({ account }) => account)
  const shown =
    names.length <= MOST_NAMED
      ? names.join(", ")
      : `${names.slice(0, MOST_NAMED).join(", ")} and ${names.length - MOST_NAMED} more`
  return Effect.fail(
    new AppError({
      message: `${failed.length} of ${outcomes.length} accounts failed: ${shown}; the reason of each is logged above`,
      exitCode
    })
  )
}

const MOST_NAMED = 10

/**
 * A command that works for many accounts: some at a time, with a table at its end.
 */
import type { Failure } from "@hb-sessions/app-kit/AppError"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import { check, type Done, outcomeOf, table } from "../operations/AccountOutcome.ts"
import { withLog } from "../settings/environment.ts"
import type { Selected, SelectedAccount } from "../settings/accounts.ts"

/** Runs a command for each account, prints how that ended, and fails with the worst exit code. */
export const inTable =
  <R>(run: (one: SelectedAccount) => Effect.Effect<Done, Failure, R>) =>
  ({ accounts, given, parallel }: Selected): Effect.Effect<void, Failure, R | FileSystem.FileSystem> =>
    Effect.gen(function* () {
      const outcomes = yield* Effect.forEach(accounts, (one) => outcomeOf(one.account.name, run(one)), {
        concurrency: parallel
      })
      yield* Effect.forEach(table(outcomes), (line) => Console.log(line), { discard: true })
      yield* check(outcomes)
    }).pipe(withLog(given))

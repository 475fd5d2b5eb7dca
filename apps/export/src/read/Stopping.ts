/**
 * The time limit of a run: when it expires, the read keeps the pages in flight and stops.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** When a run has to stop, and with which failure. */
export interface Stop {
  readonly when: Effect.Effect<void>
  /** Undefined without a limit. */
  readonly error: AppError | undefined
}

/** The limit of the current run; none by default. */
export const Stopping = Context.Reference<Stop>("@hb-sessions/export/Stopping", {
  defaultValue: () => ({ when: Effect.never, error: undefined })
})

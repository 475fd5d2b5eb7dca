/**
 * How a run is told that its time is up: it finishes what is in flight, keeps it, and ends.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** When a run has to stop, and what it ends with then. */
export interface Stop {
  readonly when: Effect.Effect<void>
  /** Undefined while nothing stops it. */
  readonly error: AppError | undefined
}

/** The bound of the run at hand; none by default. */
export const Stopping = Context.Reference<Stop>("@hb-sessions/export/Stopping", {
  defaultValue: () => ({ when: Effect.never, error: undefined })
})

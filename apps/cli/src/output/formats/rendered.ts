/**
 * The text of an encoder as an effect.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"

/** Fails with the `AppError` that an encoder throws, such as one of an expression that does not fit its record. */
export const rendered = (text: () => string): Effect.Effect<string, AppError> =>
  Effect.catchDefect(Effect.sync(text), (defect) =>
    defect instanceof AppError ? Effect.fail(defect) : Effect.die(defect)
  )

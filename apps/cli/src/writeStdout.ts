/**
 * Data goes to stdout through a sink that waits for the reader.
 */
import * as AppError from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import * as PlatformError from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"

/** Writes text to stdout; a reader that has gone, such as `head`, ends the stream quietly. */
export const writeStdout = <E, R>(text: Stream.Stream<string, E, R>) =>
  Effect.flatMap(Stdio.Stdio, (stdio) =>
    Effect.catchIf(Stream.run(text, stdio.stdout()), isPlatformError, (error) =>
      isBrokenPipe(error)
        ? Effect.void
        : Effect.fail(
            new AppError.AppError({
              message: `stdout cannot be written: ${error.message}`,
              exitCode: AppError.exitCodes.unexpected
            })
          )
    )
  )

const isPlatformError = (error: unknown): error is PlatformError.PlatformError =>
  error instanceof PlatformError.PlatformError

const isBrokenPipe = (error: PlatformError.PlatformError): boolean =>
  Predicate.hasProperty(error.reason.cause, "code") && error.reason.cause.code === "EPIPE"

/**
 * Where data goes: to stdout, or to a file that is complete or absent.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import * as AtomicFile from "@hb-sessions/app-kit/AtomicFile"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"

/**
 * Writes text to stdout, waiting for its reader; one that has gone, such as `head`, ends the stream quietly. Succeeds
 * with whether all was written.
 */
const toStdout = <E, R>(text: Stream.Stream<string, E, R>) =>
  Effect.flatMap(Stdio.Stdio, (stdio) =>
    Effect.catchIf(Effect.as(Stream.run(text, stdio.stdout()), true), isPlatformError, (error) =>
      isBrokenPipe(error)
        ? Effect.succeed(false)
        : Effect.fail(new AppError({ message: `stdout cannot be written: ${error.message}`, exitCode: 1 }))
    )
  )

/** Prints one text. */
export const print = (text: string) => toStdout(Stream.succeed(text))

/** Writes text to a file that appears when the stream has ended. */
export const toFile = <E, R>(file: string, text: Stream.Stream<string, E, R>) =>
  Effect.catchIf(AtomicFile.writeText(file, text), isPlatformError, (error) =>
    Effect.fail(
      new AppError({
        message: `${file} cannot be written: ${error.message}; name a file in a directory that exists and is yours`,
        exitCode: exitCodes.unexpected
      })
    )
  )

/** Writes text to the named file, or else to stdout; succeeds with whether all was written. */
export const toOutput = Effect.fnUntraced(function* <E, R>(
  file: Option.Option<string>,
  text: Stream.Stream<string, E, R>
) {
  if (Option.isNone(file)) return yield* toStdout(text)
  yield* toFile(file.value, text)
  return true
})

const isPlatformError = (error: unknown): error is PlatformError.PlatformError =>
  error instanceof PlatformError.PlatformError

const isBrokenPipe = (error: PlatformError.PlatformError): boolean =>
  Predicate.hasProperty(error.reason.cause, "code") && error.reason.cause.code === "EPIPE"

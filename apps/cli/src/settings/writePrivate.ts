/**
 * Files that only their owner can read.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Random from "effect/Random"

/** Writes a file with mode 0600, in a directory with mode 0700 that is made; the file is the old one or the new one. */
export const writePrivate = Effect.fnUntraced(
  function* (directory: string, file: string, text: string) {
    const fs = yield* FileSystem.FileSystem
    yield* fs.makeDirectory(directory, { recursive: true, mode: 0o700 })
    const suffix = (yield* Random.nextIntBetween(0, 2 ** 48)).toString(36)
    const temporary = `${file}.${suffix}.tmp`
    yield* fs.writeFileString(temporary, text, { flag: "wx", mode: 0o600 }).pipe(
      Effect.andThen(fs.rename(temporary, file)),
      Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true })))
    )
  },
  (effect, _directory, file) =>
    Effect.mapError(
      effect,
      (error) =>
        new AppError({
          message: `${file} cannot be written: ${error.message}; check who owns the directory`,
          exitCode: exitCodes.unexpected
        })
    )
)

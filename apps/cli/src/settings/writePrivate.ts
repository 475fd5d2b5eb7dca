/**
 * Files that only their owner can read.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import * as AtomicFile from "@hb-sessions/app-kit/AtomicFile"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"

/**
 * Writes a file with mode 0600, in a directory with mode 0700 that is made. One that holds secrets is given that mode
 * although it had another before.
 */
export const writePrivate = Effect.fnUntraced(function* (
  directory: string,
  file: string,
  text: string,
  { isSecret }: { readonly isSecret: boolean }
) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.mapError(
    fs.makeDirectory(directory, { recursive: true, mode: 0o700 }),
    (error) =>
      new AppError({
        message: `${directory} cannot be created: ${error.message}; check who owns the directory`,
        exitCode: exitCodes.unexpected
      })
  )
  yield* AtomicFile.writeText(file, Stream.succeed(text), { mode: 0o600, isModeKept: !isSecret })
})

/**
 * Files that are either the old ones or the new ones, never half of each.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"

const encoder = new TextEncoder()

/**
 * Writes a stream of text to a file that appears, complete, when the stream has ended. Succeeds with its size in bytes.
 *
 * **Details**
 *
 * Writes beside the target under a hidden name, flushes it to the disk, renames it over the target and flushes the
 * directory. When the stream fails or is interrupted, the target stays as it was and nothing is left behind.
 *
 * **Gotchas**
 *
 * The directory must exist. A process that is killed leaves its hidden `.<name>.<random>.tmp` behind.
 */
export const writeText = <E, R>(
  file: string,
  text: Stream.Stream<string, E, R>
): Effect.Effect<number, E | PlatformError.PlatformError, R | FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const directory = path.dirname(path.resolve(file))
    const suffix = (yield* Random.nextIntBetween(0, 2 ** 48)).toString(36)
    const temporary = path.join(directory, `.${path.basename(file)}.${suffix}.tmp`)
    let bytes = 0
    const write = Effect.scoped(
      Effect.gen(function* () {
        const handle = yield* fs.open(temporary, { flag: "wx" })
        yield* Stream.runForEachArray(text, (chunk) => {
          const data = encoder.encode(chunk.join(""))
          bytes += data.length
          return handle.writeAll(data)
        })
        yield* handle.sync
      })
    )
    yield* write.pipe(
      Effect.andThen(fs.rename(temporary, file)),
      Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true })))
    )
    yield* syncDirectory(directory)
    return bytes
  })

/** Makes a rename last through a power cut; systems that cannot open a directory have no use for it. */
const syncDirectory = Effect.fnUntraced(
  function* (directory: string) {
    const fs = yield* FileSystem.FileSystem
    const handle = yield* fs.open(directory, { flag: "r" })
    yield* handle.sync
  },
  Effect.scoped,
  (effect) => Effect.ignore(effect)
)

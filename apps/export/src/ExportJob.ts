/**
 * The job: every session, one CSV file.
 */
import * as AtomicFile from "@hb-sessions/app-kit/AtomicFile"
import * as Sessions from "@hb-sessions/core/Sessions"
import * as SessionsCsv from "@hb-sessions/core/SessionsCsv"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Stream from "effect/Stream"

/** What one export is told. */
export interface ExportOptions {
  /** Where `sessions.csv` goes; created with its parents when it does not exist. */
  readonly directory: string
}

/** What one export did. */
export interface ExportResult {
  readonly file: string
  readonly sessions: number
  readonly bytes: number
}

/**
 * Reads every session and publishes `sessions.csv` when all of it is on the disk.
 *
 * On failure or interruption an earlier `sessions.csv` stays as it was.
 */
export const run = Effect.fn("ExportJob.run")(function* ({ directory }: ExportOptions) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* fs.makeDirectory(directory, { recursive: true })
  const file = path.join(directory, "sessions.csv")
  let sessions = 0
  const counted = Stream.mapArray(Sessions.stream(), (chunk) => {
    sessions += chunk.length
    return chunk
  })
  const bytes = yield* AtomicFile.writeText(file, counted.pipe(SessionsCsv.encode({})))
  return { file, sessions, bytes } satisfies ExportResult
})

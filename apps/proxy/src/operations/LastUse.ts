/**
 * When each token was used last: a server notes it once a minute if there is something new, in a small file beside that
 * of the tokens or in Redis, and `token list` reads it.
 */
import * as AtomicFile from "@hb-sessions/app-kit/AtomicFile"
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import * as FileTarget from "@hb-sessions/app-kit/FileTarget"
import * as RegularFile from "@hb-sessions/app-kit/RegularFile"
import { shownPath } from "@hb-sessions/app-kit/SystemError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as FileLock from "../access/FileLock.ts"
import { Millis } from "../access/Token.ts"
import * as TokensFile from "../access/TokensFile.ts"

/** Epoch milliseconds by the id of the token. */
const LastUses = Schema.Struct({
  version: Schema.Literal(1),
  lastUsed: Schema.Record(Schema.String, Millis)
})

const decode = Schema.decodeEffect(Schema.fromJsonString(LastUses))

const MAX_BYTES = 16 * 1024 * 1024

/** How often it is written at most. */
const INTERVAL = "1 minute"
/** How long the last write may take. */
const LAST_WRITE = "2 seconds"

/** The name of the file that belongs to a file of tokens. */
export const pathOf = (tokensFile: string): string => `${tokensFile}.last-used`

/** What is known; nothing where there is no file, or a damaged one; fails where it cannot be told. */
const find = (tokensFile: string): Effect.Effect<ReadonlyMap<string, number>, RegularFile.FileProblem> =>
  RegularFile.readText(pathOf(tokensFile), { maxBytes: MAX_BYTES }).pipe(
    Effect.flatMap(decode),
    Effect.map(({ lastUsed }) => new Map(Object.entries(lastUsed))),
    Effect.catch((problem) =>
      "kind" in problem && problem.kind === "unreadable" ? Effect.fail(problem) : Effect.succeed(new Map())
    )
  )

/** What is known; nothing where there is no file, or none that can be read. */
export const read = (tokensFile: string): Effect.Effect<ReadonlyMap<string, number>> =>
  Effect.orElseSucceed(find(tokensFile), () => new Map())

/**
 * Adds what is newer than what is in the file, and leaves out tokens that there are no more. A time that is still to
 * come is that of a clock that was wrong: any other takes its place.
 */
export const add = (tokensFile: string, found: ReadonlyMap<string, number>): Effect.Effect<void, AppError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const path = pathOf(tokensFile)
      yield* Effect.mapError(FileLock.acquire(`${path}.lock`), ({ problem }) => unwritten(path, problem))
      const target = yield* FileTarget.find(path)
      if (target._tag !== "Regular") return yield* unwritten(path, "it is no file")
      const before = yield* Effect.mapError(find(tokensFile), ({ problem }) => unwritten(path, problem))
      const { tokens } = yield* TokensFile.read(tokensFile)
      const now = yield* Clock.currentTimeMillis
      const lastUsed: Record<string, number> = {}
      for (const { id } of tokens) {
        const at = Math.max(0, ...[before.get(id) ?? 0, found.get(id) ?? 0].filter((time) => time <= now))
        if (at > 0) lastUsed[id] = at
      }
      yield* AtomicFile.writeText(path, Stream.make(`${JSON.stringify({ version: 1, lastUsed })}\n`), { mode: 0o600 })
    })
  )

const unwritten = (path: string, problem: string) =>
  new AppError({ message: `${shownPath(path)}: ${problem}`, exitCode: exitCodes.unexpected })

/**
 * Adds what is new to what is kept until the scope closes, and then once more.
 *
 * Where it cannot be written, that is told once, and tried again.
 */
export const keep = Effect.fnUntraced(function* (
  addNewer: (uses: ReadonlyMap<string, number>) => Effect.Effect<void, AppError>,
  lastUses: () => ReadonlyMap<string, number>
) {
  let written = new Map<string, number>()
  let isFailing = false
  const write = Effect.gen(function* () {
    const uses = lastUses()
    const newer = new Map([...uses].filter(([id, at]) => written.get(id) !== at))
    if (newer.size === 0) return
    yield* addNewer(newer)
    written = new Map(uses)
    isFailing = false
  }).pipe(
    Effect.catch(({ message }) =>
      Effect.suspend(() => {
        const wasFailing = isFailing
        isFailing = true
        return wasFailing
          ? Effect.void
          : Effect.logWarning(
              `${message}; until it can be written, token list does not tell when tokens were last used`
            )
      })
    )
  )
  yield* Effect.addFinalizer(() => Effect.timeoutOption(write, LAST_WRITE))
  yield* write.pipe(
    Effect.catchCause((cause) => Effect.logError("last uses could not be written", cause)),
    Effect.delay(INTERVAL),
    Effect.repeat(Schedule.forever),
    Effect.forkScoped
  )
})

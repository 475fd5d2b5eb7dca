/**
 * The text of a list, written while it is read; when that ends too soon, how to resume.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import type { OutputFile } from "@hb-sessions/app-kit/OutputFile"
import type { SessionsError } from "@hb-sessions/core/SessionsError"
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import { Diagnostics } from "../../output/Diagnostics.ts"
import type { Encoder } from "../../output/formats/Encoder.ts"
import { rendered } from "../../output/formats/rendered.ts"
import { show } from "../../output/Pager.ts"
import * as Progress from "../../output/Progress.ts"
import { Screen } from "../../output/Screen.ts"
import { counted } from "../../output/text.ts"
import type { Chunk, Chunks } from "./Chunk.ts"
import type { ResumeFile } from "./ResumeFile.ts"

interface WriteOptions {
  readonly output: OutputFile
  /** Its name; none for stdout. */
  readonly file: Option.Option<string>
  readonly canResume: boolean
  readonly kept: ResumeFile | undefined
  /** Whether people read it in a terminal, which a pager scrolls. */
  readonly isPaged: boolean
  /** Runs before the end of the text is written. */
  readonly finish: Effect.Effect<void, AppError>
}

/** Writes the sessions; when that ends too soon, says how to go on behind those that were written. */
export const write = Effect.fnUntraced(function* (encoder: Encoder, chunks: Chunks, options: WriteOptions) {
  const screen = yield* Screen
  const written: Written = { sessions: 0, token: undefined, isRead: false }
  const text = textOfChunks(encoder, chunks, ({ sessions, state, token }) => {
    written.sessions += sessions.length
    written.token = token ?? written.token
    return state === undefined || options.kept === undefined ? Effect.void : options.kept.append(state)
  })
  // All was read: another run would not go on, but begin anew.
  const finish = Effect.tapError(options.finish, () =>
    Effect.sync(() => {
      written.token = undefined
      written.isRead = true
    })
  )
  const whole = text.pipe(Stream.concat(Stream.fromEffectDrain(finish)), Stream.concat(textOf(encoder.end)))
  // Rows in the terminal are progress enough.
  const isShown = Option.isSome(options.file) || !screen.isTerminal
  const isComplete = yield* Progress.during(deliver(whole, options), isShown).pipe(
    Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : goOn(written, options)))
  )
  // A reader that went away has not taken all.
  if (isComplete) yield* options.kept?.remove ?? Effect.void
  return { sessions: written.sessions, isComplete }
})

/** To the terminal, where a pager may take it, to the file, or to stdout. */
const deliver = Effect.fnUntraced(function* <E, R>(
  text: Stream.Stream<string, E, R>,
  { isPaged, output }: WriteOptions
) {
  return isPaged ? yield* show(text) : yield* output.write(text)
})

interface Written {
  sessions: number
  /** Makes the token that goes on after them. */
  token: (() => string) | undefined
  /** Whether the whole list was read. */
  isRead: boolean
}

/**
 * The text of each chunk. One counts when the writer asks for the next, which it does when it has taken the text.
 *
 * A stream for each chunk, as `Stream.flatMap` makes it, would keep the chunk until the whole heap is collected: scopes
 * come and go in a `Map`, which leaves old tables behind.
 */
const textOfChunks = (encoder: Encoder, chunks: Chunks, count: (chunk: Chunk) => Effect.Effect<void, AppError>) =>
  Stream.transformPull(chunks, (pull) => {
    let left: Iterator<Chunk> = [].values()
    let given: Chunk | undefined
    const next: TextPull = Effect.suspend(() => {
      const { done, value: chunk } = left.next()
      if (done === true) {
        return Effect.flatMap(pull, (more) => {
          left = more.values()
          return next
        })
      }
      given = chunk
      return Effect.flatMap(
        rendered(() => encoder.rows(chunk.sessions)),
        (text) => (text === "" ? countThenNext : Effect.succeed([text]))
      )
    })
    const countThenNext: TextPull = Effect.suspend(() => {
      if (given === undefined) return next
      const counting = count(given)
      given = undefined
      return Effect.andThen(counting, next)
    })
    return Effect.succeed(countThenNext)
  })

type TextPull = Pull.Pull<Arr.NonEmptyReadonlyArray<string>, AppError | SessionsError>

const textOf = (text: () => string): Stream.Stream<string, AppError> =>
  Stream.unwrap(Effect.map(rendered(text), (shown) => (shown === "" ? Stream.empty : Stream.succeed(shown))))

const goOn = Effect.fnUntraced(function* (written: Readonly<Written>, { canResume, file, kept, output }: WriteOptions) {
  const diagnostics = yield* Diagnostics
  if (kept !== undefined) {
    if (written.isRead) return yield* Effect.ignore(kept.remove)
    const isKept = yield* Effect.orElseSucceed(kept.keep, () => false)
    if (!isKept) return
    return yield* diagnostics.warn(
      `stopped after ${counted(written.sessions, "session")}; resume with the same flags and --resume-file ${kept.name}`,
      { sessions: written.sessions, resumeFile: kept.name }
    )
  }
  if (Option.isSome(file)) return output.isAtomic ? yield* diagnostics.warn(`${file.value} was not changed`) : undefined
  const resume = written.token?.()
  if (!canResume || resume === undefined) return
  yield* diagnostics.warn(
    `stopped after ${counted(written.sessions, "session")}; resume with the same flags and --resume ${resume}`,
    { sessions: written.sessions, resume }
  )
})

/**
 * Where an API key comes from: a text, or a file that is read again when it changes.
 */
import { RejectedApiKey } from "@hb-sessions/core/RejectedApiKey"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import { AppError, exitCodes } from "./AppError.ts"
import * as RegularFile from "./RegularFile.ts"
import * as SteadyTime from "./SteadyTime.ts"
import { shownPath } from "./SystemError.ts"

/** Where an API key comes from. */
export interface KeySource {
  /** What people know it by, such as `HYPERBROWSER_API_KEY`; never the key. */
  readonly name: string
  /** The key as it is now. Fails with what to do while there never was one. */
  readonly read: Effect.Effect<Redacted.Redacted, AppError>
  /** The keys that it gave, newest first; at most 8. */
  readonly known: () => ReadonlyArray<Redacted.Redacted>
}

/** Tells the operator of what became of a key file; by default in the log. */
export const Tell: Context.Reference<(level: "info" | "warning", line: string) => Effect.Effect<void>> =
  Context.Reference("@hb-sessions/app-kit/KeySource/Tell", {
    defaultValue: () => (level: "info" | "warning", line: string) =>
      level === "info" ? Effect.logInfo(line) : Effect.logWarning(line)
  })

const tell = (level: "info" | "warning", line: string) => Effect.flatMap(Tell, (say) => say(level, line))

/** A key that stays the same. */
export const fixed = (name: string, key: Redacted.Redacted): KeySource => {
  const known = [key]
  return { name, read: Effect.succeed(key), known: () => known }
}

/** Where there is no key, or none that can be used. */
export const failing = (name: string, error: AppError): KeySource => ({
  name,
  read: Effect.fail(error),
  known: () => []
})

/** No key is longer by far. */
const MAX_BYTES = 64 * 1024
/** Milliseconds for which what was read is believed. */
const FRESH = 1000
/** How long a file system may take before the key read before is used, and before there is none. */
const PATIENCE = "2 seconds"
const FIRST_PATIENCE = "10 seconds"
const MOST_KNOWN = 8

/**
 * The key in a file.
 *
 * **Details**
 *
 * The file is read again when it is needed and a second has passed, at once while there never was a key, and when the
 * key was rejected (`RejectedApiKey`); its content decides, so that a symbolic link that is replaced is noticed, and so
 * is a file whose times are set back. White space around the key is dropped. A file that cannot be used any more leaves
 * the key read before in use, and is told of once until it can be used again.
 *
 * Fails while no key was ever read: with the exit code of a missing key if the file does not exist, with that of a usage
 * error if it holds no key. `from` is where the file was named, such as `HYPERBROWSER_API_KEY_FILE`.
 */
export const fromFile = (from: string, file: string): KeySource => {
  const place = `${from}: ${shownPath(file)}`
  let known: ReadonlyArray<Redacted.Redacted> = []
  let readAt = -Infinity
  let isFailing = false
  let reading: { readonly since: number; readonly fiber: Fiber.Fiber<void, AppError> } | undefined

  const readFile = Effect.gen(function* () {
    const text = yield* Effect.mapError(RegularFile.readText(file, { maxBytes: MAX_BYTES }), (found) =>
      unusable(place, found)
    )
    const key = text.trim()
    const problem = keyProblem(key)
    if (problem !== undefined) return yield* unusable(place, problem)
    return key
  })

  const succeeded = Effect.fnUntraced(function* (key: string) {
    const [last] = known
    const isSame = last !== undefined && Redacted.value(last) === key
    if (!isSame) {
      const others = known.filter((one) => Redacted.value(one) !== key)
      known = [Redacted.make(key, { label: "api-key" }), ...others].slice(0, MOST_KNOWN)
    }
    const wasFailing = isFailing
    isFailing = false
    if (last !== undefined && !isSame) yield* tell("info", `${place} holds another API key now, which is used`)
    else if (wasFailing) yield* tell("info", `${place} can be read again`)
  })

  const failed = Effect.fnUntraced(function* (error: AppError) {
    if (known.length === 0) return yield* error
    const wasFailing = isFailing
    isFailing = true
    if (!wasFailing) yield* tell("warning", `${error.message}; the API key read before stays in use`)
  })

  // In one go, so that there is one reading at a time, and none that has ended is kept.
  const start = Effect.contextWith((context: Context.Context<never>) =>
    Effect.clockWith((clock) => {
      const fiber = Effect.runForkWith(context)(
        readFile.pipe(
          Effect.flatMap(succeeded),
          Effect.catch(failed),
          Effect.onExit(() =>
            Effect.sync(() => {
              readAt = SteadyTime.nowUnsafe(clock)
              reading = undefined
            })
          )
        )
      )
      if (fiber.pollUnsafe() === undefined) reading = { since: SteadyTime.nowUnsafe(clock), fiber }
      return Fiber.join(fiber)
    })
  )

  /** Waits for a reading that began at a time or later, but not for ever. */
  const readSince = (time: number): Effect.Effect<void, AppError> =>
    Effect.suspend(() => {
      const current = reading
      if (current === undefined) return start
      const ended = Fiber.join(current.fiber)
      return current.since >= time ? ended : Effect.andThen(Effect.ignore(ended), readSince(time))
    })

  const stuck = Effect.suspend(() =>
    failed(unusable(place, { kind: "rejected", problem: "its file system does not answer" }))
  )

  const refresh = (time: number) =>
    Effect.timeoutOrElse(readSince(time), {
      duration: known.length === 0 ? FIRST_PATIENCE : PATIENCE,
      orElse: () => stuck
    })

  const read = Effect.gen(function* () {
    const now = yield* SteadyTime.now
    const rejected = yield* RejectedApiKey
    const [last] = known
    const isRejected = rejected !== undefined && last !== undefined && Redacted.value(rejected) === Redacted.value(last)
    if (isRejected) yield* refresh(now)
    // A file that appears is read at once. A reading that hangs is waited for once.
    else if (last === undefined || (now - readAt >= FRESH && !(isFailing && reading !== undefined)))
      yield* refresh(-Infinity)
    const [key] = known
    return key === undefined ? yield* unusable(place, { kind: "unreadable", problem: "it was not read" }) : key
  })

  return { name: `${from} (${shownPath(file)})`, read, known: () => known }
}

const ONLY = "name a file that holds only the key"

/** What is wrong with the text of a file, without quoting it. */
const keyProblem = (text: string): RegularFile.FileProblem | undefined => {
  if (text === "") return { kind: "rejected", problem: "it is empty; write the key into it" }
  if (/[\r\n]/.test(text)) return { kind: "rejected", problem: `it holds more than one line; ${ONLY}` }
  return /^[\x21-\x7e]+$/.test(text)
    ? undefined
    : { kind: "rejected", problem: `it holds a space or a character that no key has; ${ONLY}` }
}

const remedies: Readonly<Record<RegularFile.FileProblem["kind"], string>> = {
  missing: "; write a key from the Hyperbrowser dashboard into it",
  "bad path": "; correct the path",
  unreadable: "; make it readable for this user",
  "not a file": `; ${ONLY}`,
  "too large": `; ${ONLY}`,
  "not text": `; ${ONLY}`,
  rejected: ""
}

const unusable = (place: string, { kind, problem }: RegularFile.FileProblem) =>
  new AppError({
    message: `${place}: ${problem}${remedies[kind]}`,
    exitCode: kind === "missing" ? exitCodes.auth : exitCodes.usage
  })

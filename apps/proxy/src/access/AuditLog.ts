/**
 * What became of tokens, as lines of JSON for those who have to account for it: in a file, or on stderr.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import { attempt, makeProblem, shownPath, type SystemError } from "@hb-sessions/app-kit/SystemError"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constants } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import { userInfo } from "node:os"
import type { TokenRecord } from "./Token.ts"

/**
 * What happened to a token. A line about a change precedes it; one that then did not happen has a second line, in which
 * the action ends in `-failed`.
 */
export interface AuditEvent {
  readonly action: "create" | "rotate" | "revoke" | "expire"
  readonly record: TokenRecord
  /** The tokens whose place it takes, and until when they can still be used. */
  readonly replaces?: { readonly ids: ReadonlyArray<string>; readonly until: number }
}

/** A time that is beyond all dates, which no file of tokens will hold, is told as it is. */
const iso = (millis: number): string => {
  const date = new Date(millis)
  return Number.isNaN(date.getTime()) ? String(millis) : date.toISOString()
}

/** The user of the system; some have a number only. */
const actor = (): { readonly user?: string; readonly uid?: number } => {
  const uid = process.getuid?.()
  const number = uid === undefined ? {} : { uid }
  try {
    return { user: userInfo().username, ...number }
  } catch {
    return number
  }
}

/** A line, without its end. It names what may be told: never the token, nor the hash of it. */
const lineOf = ({ action, record, replaces }: AuditEvent, now: number, suffix = ""): string =>
  JSON.stringify({
    time: iso(now),
    type: "audit",
    action: action + suffix,
    actor: actor(),
    token: { id: record.id, name: record.name },
    account: record.account,
    scopes: record.scopes,
    statuses: record.statuses,
    rate: record.rate,
    expires: record.expiresAt === undefined ? undefined : iso(record.expiresAt),
    replaces: replaces?.ids,
    replacedUntil: replaces === undefined ? undefined : iso(replaces.until)
  })

const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK

const LINE_END = 10

const failed = (file: string, problem: string) =>
  new AppError({ message: `audit log ${shownPath(file)}: ${problem}`, exitCode: exitCodes.unexpected })

/**
 * Appends lines to a file, which is opened for it, so that another may have moved it away; or writes them to stderr.
 *
 * A new file has mode 0600. What an earlier line without an end left is ended first. Succeeds when the disk has it.
 */
const append = (file: string | undefined, lines: ReadonlyArray<string>): Effect.Effect<void, AppError> =>
  file === undefined
    ? Effect.forEach(lines, (line) => Console.error(line), { discard: true })
    : Effect.acquireUseRelease(
        Effect.mapError(
          attempt(() => open(file, FLAGS, 0o600)),
          (error) => failed(file, reasonOf(error))
        ),
        (handle) =>
          Effect.flatMap(
            Effect.mapError(
              attempt(() => write(handle, lines)),
              (error) => failed(file, reasonOf(error))
            ),
            (problem) => (problem === undefined ? Effect.void : Effect.fail(failed(file, problem)))
          ),
        (handle) => Effect.ignore(attempt(() => handle.close()))
      )

/** What is wrong with the file; undefined when the lines are in it. */
const write = async (handle: FileHandle, lines: ReadonlyArray<string>): Promise<string | undefined> => {
  const stats = await handle.stat()
  if (!stats.isFile()) return "it is not a regular file; give another path"
  const last = Buffer.alloc(1, LINE_END)
  if (stats.size > 0) await handle.read(last, 0, 1, stats.size - 1)
  const text = Buffer.from(`${last[0] === LINE_END ? "" : "\n"}${lines.join("\n")}\n`)
  // In one go: what others append at the same time must not come in between.
  const { bytesWritten } = await handle.write(text)
  if (bytesWritten < text.length) return "there is not enough room for the line; make room"
  await handle.sync()
  return undefined
}

const reasonOf = (error: SystemError): string => {
  switch (error.code) {
    case "EACCES":
    case "EPERM":
      return "this user may not write to it"
    case "ENXIO":
    case "EISDIR":
      return "it is not a regular file; give another path"
    case "ENOSPC":
    case "EDQUOT":
      return "the disk is full; make room"
    default:
      return makeProblem(error)
  }
}

/** Writes events that have happened. */
export const record = (file: string | undefined, events: ReadonlyArray<AuditEvent>): Effect.Effect<void, AppError> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    append(
      file,
      events.map((event) => lineOf(event, now))
    )
  )

/** What a change tells before it happens. */
export type Announce = (events: ReadonlyArray<AuditEvent>) => Effect.Effect<void, AppError>

const idsOf = (events: ReadonlyArray<AuditEvent>): string => events.map(({ record: { id } }) => id).join()

/**
 * Makes a change that is announced; `change` calls `announce` right before what it does can be seen.
 *
 * **Details**
 *
 * A change that grants something (`isNeeded`) fails without being made if it cannot be announced: no token may be there
 * that the audit log does not know. One that only takes something away is made nevertheless, since a full disk must not
 * keep a token alive; the line goes to stderr then, and the command fails after the change.
 */
export const announced = Effect.fnUntraced(function* <A, E>(
  { file, isNeeded }: { readonly file: string | undefined; readonly isNeeded: boolean },
  change: (announce: Announce) => Effect.Effect<A, E>
) {
  let pending: ReadonlyArray<AuditEvent> = []
  let missed: { readonly error: AppError; readonly events: ReadonlyArray<AuditEvent> } | undefined

  const fail = Effect.suspend(() => {
    const events = pending
    pending = []
    if (events.length === 0) return Effect.void
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      append(
        file,
        events.map((event) => lineOf(event, now, "-failed"))
      )
    )
  })

  // A change may be tried again, and come out the same or differently.
  const announce: Announce = (events) =>
    Effect.gen(function* () {
      if (pending.length > 0 && idsOf(pending) === idsOf(events)) return
      yield* fail
      yield* record(file, events)
      pending = events
    }).pipe(
      Effect.catch((error) => {
        if (isNeeded) return Effect.fail(error)
        missed = { error, events }
        return Effect.void
      })
    )

  const result = yield* Effect.onExit(change(announce), (exit) =>
    Exit.isFailure(exit) ? Effect.ignore(fail) : Effect.void
  )
  if (missed === undefined) return result
  yield* record(undefined, missed.events)
  return yield* new AppError({
    message: `the change was made, but is not in the audit log; add the line above to it. ${missed.error.message}`,
    exitCode: exitCodes.unexpected
  })
})

/** The text of a failure that is logged. */
export const problemOf = (cause: Cause.Cause<AppError>): string => {
  const error = cause.reasons.find((reason) => reason._tag === "Fail")?.error
  return error?.message ?? Cause.pretty(cause)
}

/**
 * One command at a time: a lock that no dead process can hold.
 *
 * The lock is a symbolic link, which is made with all that it says in one step, and says who holds it. A lock whose
 * holder is dead is taken away, by one process only: by the one that holds the lock on that. So a lock that was taken
 * in the meantime is never taken away in the place of a dead one.
 */
import { attempt, makeProblem } from "@hb-sessions/app-kit/SystemError"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import { lstat, readFile, readlink, rm, symlink } from "node:fs/promises"
import { hostname } from "node:os"

/** The lock could not be had; says why and what to do. */
export class NotLocked extends Data.TaggedError("NotLocked")<{ readonly problem: string; readonly isHeld: boolean }> {}

/** A lock that is held until the end of its scope. */
export interface FileLock {
  /** Whether it still is: a process that cannot see this one may have taken it for dead. */
  readonly isHeld: Effect.Effect<boolean>
}

interface Holder {
  readonly id: string
  /** Undefined for what is no lock of this form. */
  readonly pid: number | undefined
  readonly startedAt: string
  /** Where processes have these numbers: the machine since it was started, and the namespace. */
  readonly place: string
}

const POLL = "50 millis"
const TRIES = 100

/** Milliseconds after which a holder that cannot be seen from here is taken for dead: none needs more than a second. */
const FORGOTTEN = 60_000

/** Takes the lock; waits up to 5 seconds for it. */
export const acquire = Effect.fn("FileLock.acquire")(function* (path: string) {
  const text = yield* self
  return yield* once(path, text).pipe(
    Effect.retry({ schedule: Schedule.spaced(POLL), times: TRIES, while: ({ isHeld }) => isHeld })
  )
})

/** Takes the lock if it is free, and makes way for the next try if a dead process does. */
const once = (path: string, owner: string): Effect.Effect<FileLock, NotLocked, Scope.Scope> => {
  const text = `${randomBytes(8).toString("hex")}:${owner}`
  const isHeld = Effect.map(find(path), (found) => found?.id === parse(text).id)
  return Effect.acquireRelease(
    attempt(() => symlink(text, path)).pipe(
      Effect.catch((error) =>
        error.code === "EEXIST"
          ? Effect.andThen(clear(path, owner), holderOf(path))
          : Effect.fail(new NotLocked({ problem: makeProblem(error), isHeld: false }))
      ),
      Effect.as({ isHeld })
    ),
    () =>
      Effect.flatMap(isHeld, (mine) => (mine ? Effect.ignore(attempt(() => rm(path, { force: true }))) : Effect.void))
  )
}

/** Takes a lock away whose holder is dead. */
const clear = (path: string, owner: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    const holder = yield* find(path)
    if (holder === undefined || !(yield* isDead(path, holder))) return
    yield* once(`${path}.${holder.id}`, owner)
    // No other process may take it away, and its holder cannot.
    if ((yield* find(path))?.id === holder.id) yield* attempt(() => rm(path))
  }).pipe(Effect.scoped, Effect.ignore)

const holderOf = Effect.fnUntraced(function* (path: string) {
  const holder = yield* find(path)
  const who = holder?.pid === undefined ? "another command" : `process ${holder.pid}`
  const problem = `${who} holds this lock; wait for it, or remove the lock if that process is no longer running`
  return yield* new NotLocked({ problem, isHeld: true })
})

const find = (path: string): Effect.Effect<Holder | undefined> =>
  attempt(() => readlink(path)).pipe(
    Effect.map(parse),
    Effect.catch(({ code }) =>
      code === "EINVAL"
        ? // A file: an older lock, or a file of the user's.
          attempt(() => lstat(path)).pipe(Effect.map(({ ctimeMs, ino }) => unknown(`${ino}-${Math.trunc(ctimeMs)}`)))
        : Effect.undefined
    ),
    Effect.orElseSucceed(() => undefined)
  )

const unknown = (id: string): Holder => ({ id, pid: undefined, startedAt: "", place: "" })

const parse = (text: string): Holder => {
  const [, id, pid, startedAt, place] = /^([0-9a-f]{16}):(\d+):(\d*):(.*)$/.exec(text) ?? []
  return id === undefined || startedAt === undefined || place === undefined
    ? unknown(Buffer.from(text).toString("hex").slice(0, 32))
    : { id, pid: Number(pid), startedAt, place }
}

const isDead = Effect.fnUntraced(function* (path: string, { pid, place, startedAt }: Holder) {
  if (pid !== undefined && place === (yield* here)) {
    const state = yield* stateOf(pid)
    if (!state.isAlive) return true
    return startedAt !== "" && state.startedAt !== "" && startedAt !== state.startedAt
  }
  const now = yield* Clock.currentTimeMillis
  return yield* attempt(() => lstat(path)).pipe(
    Effect.map(({ mtimeMs }) => now - mtimeMs > FORGOTTEN),
    Effect.orElseSucceed(() => false)
  )
})

/** Numbers of processes are used again: the time when one started tells them apart, where the system shows it. */
const stateOf = Effect.fnUntraced(function* (pid: number) {
  const text = yield* Effect.option(attempt(() => readFile(`/proc/${pid}/stat`, "utf8")))
  if (Option.isSome(text)) {
    const fields = text.value.slice(text.value.lastIndexOf(")") + 2).split(" ")
    return { isAlive: fields[0] !== "Z" && fields[0] !== "X", startedAt: fields[19] ?? "" }
  }
  return yield* attempt(async () => process.kill(pid, 0)).pipe(
    Effect.match({ onFailure: ({ code }) => code !== "ESRCH", onSuccess: () => true }),
    Effect.map((isAlive) => ({ isAlive, startedAt: "" }))
  )
})

const here = Effect.gen(function* () {
  const boot = yield* Effect.option(attempt(() => readFile("/proc/sys/kernel/random/boot_id", "utf8")))
  const namespace = yield* Effect.option(attempt(() => readlink("/proc/self/ns/pid")))
  return [hostname(), ...[boot, namespace].map((part) => Option.getOrElse(part, () => "").trim())].join(" ")
})

const self = Effect.gen(function* () {
  const { startedAt } = yield* stateOf(process.pid)
  return `${process.pid}:${startedAt}:${yield* here}`
})

/**
 * A line in the audit log for each token that expires, written by one server, once.
 */
import * as AtomicFile from "@hb-sessions/app-kit/AtomicFile"
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import * as RegularFile from "@hb-sessions/app-kit/RegularFile"
import { shownPath } from "@hb-sessions/app-kit/SystemError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as AuditLog from "../access/AuditLog.ts"
import * as FileLock from "../access/FileLock.ts"
import type { TokenRecord } from "../access/Token.ts"
import type { Link } from "../redis/RedisLink.ts"
import * as Metrics from "./Metrics.ts"

/** How it is known what was written. */
export interface ExpiryAuditOptions {
  readonly file: string | undefined
  /** With it, what one replica writes no other does. */
  readonly link: Link | undefined
  readonly records: () => ReadonlyArray<TokenRecord>
}

const POLL = "1 second"
/** Seconds for which Redis remembers what was written. */
const REMEMBERED = 30 * 86_400

/** When a token ends by itself; undefined for one that does not, or was revoked. */
const endOf = ({ expiresAt = Infinity, overlapUntil = Infinity, revokedAt }: TokenRecord): number | undefined => {
  const end = Math.min(expiresAt, overlapUntil)
  return revokedAt !== undefined || end === Infinity ? undefined : end
}

/** Up to when all that expired is in the log. */
const untilFile = (file: string): string => `${file}.until`

const failed = (path: string, problem: string) =>
  new AppError({ message: `${shownPath(path)}: ${problem}`, exitCode: exitCodes.unexpected })

/** Undefined where there is no such file, or a damaged one; fails where it cannot be told. */
const readUntil = (file: string): Effect.Effect<number | undefined, AppError> =>
  RegularFile.readText(untilFile(file), { maxBytes: 64 }).pipe(
    Effect.map((text) => {
      const millis = Date.parse(text.trim())
      return Number.isNaN(millis) ? undefined : millis
    }),
    Effect.catch(({ kind, problem }) =>
      kind === "unreadable"
        ? Effect.fail(failed(untilFile(file), `${problem}; make it readable, or remove it`))
        : Effect.undefined
    )
  )

const writeUntil = (file: string, millis: number) =>
  AtomicFile.writeText(untilFile(file), Stream.make(`${new Date(millis).toISOString()}\n`), { mode: 0o600 })

/**
 * Writes the lines until the scope closes.
 *
 * **Details**
 *
 * A small file beside the log, whose name ends in `.until`, says up to when tokens that expired are in it: so a server
 * that starts writes what expired while there was none, and of several with the same log one writes. Through Redis each
 * token is claimed by one of the replicas. On stderr, without Redis, each server tells what expires while it runs. What
 * cannot be written is told once, counted, and tried again.
 */
export const watch = Effect.fnUntraced(function* ({ file, link, records }: ExpiryAuditOptions) {
  let until = yield* Clock.currentTimeMillis
  let isFailing = false

  const dueAt = (from: number, now: number) =>
    records().filter((record) => {
      const end = endOf(record)
      return end !== undefined && end > from && end <= now
    })

  const tell = (expired: ReadonlyArray<TokenRecord>) =>
    expired.length === 0
      ? Effect.void
      : AuditLog.record(
          file,
          expired.map((record) => ({ action: "expire", record }))
        )

  const claimed = (shared: Link, { id }: TokenRecord) =>
    shared.redis.send<string | null>("SET", shared.key("expired", id), "1", "NX", "EX", String(REMEMBERED)).pipe(
      Effect.map((answer) => answer !== null),
      // Better twice than never.
      Effect.orElseSucceed(() => true)
    )

  const tellOnce = (path: string, now: number) =>
    Effect.scoped(
      Effect.gen(function* () {
        const lock = `${untilFile(path)}.lock`
        yield* Effect.mapError(FileLock.acquire(lock), ({ problem }) => failed(lock, problem))
        // Another server may have been first.
        const known = (yield* readUntil(path)) ?? until
        yield* tell(dueAt(known, now))
        yield* writeUntil(path, Math.max(known, now))
      })
    )

  const look = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const due = dueAt(until, now)
    if (due.length === 0) return
    if (link !== undefined) yield* tell(yield* Effect.filter(due, (record) => claimed(link, record)))
    else if (file === undefined) yield* tell(due)
    else yield* tellOnce(file, now)
    until = now
    isFailing = false
  }).pipe(
    Effect.catchCause((cause) => {
      Metrics.count(Metrics.auditFailures)
      const wasFailing = isFailing
      isFailing = true
      return wasFailing
        ? Effect.void
        : Effect.logError(`${AuditLog.problemOf(cause)}; tokens that expired are written when that is repaired`)
    })
  )

  if (file !== undefined && link === undefined) {
    const known = yield* readUntil(file)
    if (known === undefined) yield* writeUntil(file, until)
    else until = Math.min(until, known)
  }
  Metrics.count(Metrics.auditFailures, 0)
  yield* look.pipe(Effect.repeat(Schedule.spaced(POLL)), Effect.forkScoped)
})

/**
 * How runs end in the database: the row of the account, the job and what follows from them, in one transaction each.
 *
 * The answer to a transaction may be lost, and so each can be written again: a job that this claim has ended stays so.
 */
import * as Effect from "effect/Effect"
import * as AccountState from "./AccountState.ts"
import { type Claim, PARKED_SECONDS, Queue, RUNS, type SendOptions, type Session } from "./Queue.ts"

/** Whether this claim has ended its job already, and only the answer was lost. */
const hasEnded = Effect.fnUntraced(function* ({ sql }: Session, schema: string, { attempt, id }: Claim) {
  const found = yield* sql(
    `SELECT id FROM ${schema}.job WHERE name = '${RUNS}' AND id = $1 AND retry_count = $2 AND state = 'completed'`,
    [id, attempt]
  )
  return found.length > 0
})

/** Ends a job with what belongs to it; false if the claim is lost, and nothing is written then. */
const end = Effect.fnUntraced(function* <E>(
  claim: Claim,
  output: object,
  write: (session: Session, schema: string) => Effect.Effect<unknown, E>
) {
  const { schema, transaction } = yield* Queue
  return yield* transaction(
    Effect.fnUntraced(function* (session) {
      if (!(yield* session.complete(claim, output))) return yield* hasEnded(session, schema, claim)
      yield* write(session, schema)
      return true
    })
  )
})

/** Writes a success; false if another worker has the job. */
export const succeeded = (claim: Claim, success: AccountState.Success) =>
  end(claim, { exitCode: 0, ...success }, (session, schema) => AccountState.succeeded(session, schema, claim, success))

/**
 * Writes a failure, and adds the retry if there is one; false if another worker has the job.
 *
 * Its message may quote a server, and PostgreSQL takes no half of a surrogate pair, nor NUL.
 */
export const failed = (
  claim: Claim,
  { exitCode, message }: AccountState.Failure,
  retryAfterSeconds: number | undefined
) => {
  const failure = { exitCode, message: message.toWellFormed().replaceAll("\0", "\uFFFD") }
  return end(
    claim,
    failure,
    Effect.fnUntraced(function* (session, schema) {
      yield* AccountState.failed(session, schema, claim, failure, retryAfterSeconds === undefined)
      if (retryAfterSeconds !== undefined) yield* again(session, schema, claim, 1, { afterSeconds: retryAfterSeconds })
    })
  )
}

/** Gives a job to other workers; false if one of them has it. */
export const handBack = (claim: Claim, why: string, options: SendOptions) =>
  end(
    claim,
    { handedBack: why },
    Effect.fnUntraced(function* (session, schema) {
      yield* AccountState.stopped(session, schema, claim)
      yield* again(session, schema, claim, 0, options)
    })
  )

/** Ends a job of an account that there is not. */
export const dropped = (claim: Claim) => end(claim, { dropped: "no accounts file has the account" }, () => Effect.void)

/**
 * Adds the job that follows on one that has ended, unless the account was paused meanwhile. One that no file lists gets
 * it when a file lists it again.
 */
const again = Effect.fnUntraced(function* (
  { send, sql }: Session,
  schema: string,
  { data }: Claim,
  failures: number,
  options: SendOptions
) {
  // Locked, so that what becomes of the account at the same time becomes of this job too.
  const [row] = yield* sql<{ readonly paused: boolean; readonly unlisted: boolean }>(
    `SELECT paused, unlisted_since IS NOT NULL AS unlisted FROM ${schema}.fleet_account WHERE account = $1 FOR SHARE`,
    [data.account]
  )
  if (row?.paused === true) return
  yield* send(
    { ...data, failures: data.failures + failures, reason: failures === 0 ? data.reason : "retry" },
    row?.unlisted === true ? { afterSeconds: PARKED_SECONDS } : options
  )
})

/**
 * One run at a time in a bucket: an object that a run writes again and again.
 *
 * The lease saves a second run the reading. It does not make publishing safe; the commit does.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { hostname } from "node:os"
import { exitCodes, fail } from "../../exitCodes.ts"
import { S3Client } from "../../s3/S3Client.ts"
import type { S3Error } from "../../s3/S3Error.ts"
import { format } from "../../s3/S3Location.ts"
import type { SmallObject } from "../../s3/S3Object.ts"
import * as conditionalWrites from "./conditionalWrites.ts"

/** The object of the lease. */
export const LEASE = ".lease.json"

/** A longer object is none of ours. */
const MAX_BYTES = 64 * 1024

/** So often another run may take the lease and end before this run has read it. */
const MAX_ROUNDS = 5

/** Who holds the lease, for people; the run's id decides. */
const Holder = Schema.fromJsonString(
  Schema.Struct({ run: Schema.String, host: Schema.String, process: Schema.Int, renewed: Schema.Int })
)

/** What a lease needs to know. */
export interface LeaseOptions {
  /** The id of the run. */
  readonly run: string
  /** The time without renewal after which another run takes the lease, by the store's clock. */
  readonly takeOverAfter: Duration.Duration
}

/** Takes the lease until the scope closes, or fails with exit code 75. */
export const acquire = Effect.fn("Lease.acquire")(function* (
  options: LeaseOptions,
  round = 1
): Effect.fn.Return<void, AppError | S3Error, S3Client | Scope.Scope> {
  const { run, takeOverAfter } = options
  const s3 = yield* S3Client
  let renewed = 0
  const text = () => Schema.encodeSync(Holder)({ run, host: hostname(), process: process.pid, renewed: renewed++ })
  const found = yield* read
  if (Option.isSome(found) && !isSilent(found.value, options)) return yield* held(found.value)
  // Before the lease is written, so that it is removed even if this run is stopped in between.
  yield* Effect.addFinalizer(() => conditionalWrites.briefly(release(run)))
  const taken = Option.isNone(found)
    ? yield* conditionalWrites.create(LEASE, text())
    : yield* conditionalWrites.replace(LEASE, text(), found.value.etag)
  let written: Pick<SmallObject, "etag"> | undefined = Option.getOrUndefined(taken)
  if (written === undefined) {
    const now = yield* read
    // The run that was faster has ended meanwhile.
    if (Option.isNone(now)) return yield* round < MAX_ROUNDS ? acquire(options, round + 1) : contradicted
    // A lost answer to our own write looks like the write of another run.
    if (holderOf(now.value)?.run !== run) return yield* held(now.value)
    written = now.value
  }
  if (Option.isSome(found)) {
    yield* Effect.logWarning(
      `the run that held the lease of ${format(s3.location)} was inactive for too long and lost it; this run takes over`
    )
  }
  let { etag } = written
  const renew = Effect.gen(function* () {
    const again = yield* conditionalWrites.replace(LEASE, text(), etag)
    const now = Option.isSome(again) ? again : Option.filter(yield* read, (lease) => holderOf(lease)?.run === run)
    if (Option.isNone(now)) {
      yield* Effect.logWarning(`this run was inactive for too long and lost the lease of ${format(s3.location)}`)
      return yield* Effect.interrupt
    }
    etag = now.value.etag
  })
  const interval = Duration.millis(Duration.toMillis(takeOverAfter) / 4)
  yield* Effect.ignore(renew).pipe(Effect.delay(interval), Effect.repeat(Schedule.forever), Effect.forkScoped)
})

const read = Effect.flatMap(S3Client, (s3) => s3.get(LEASE, { maxBytes: MAX_BYTES }))

/** Whether the holder has not renewed a lease for too long; a time ahead of the store's was written before its clock was set back. */
const isSilent = ({ lastModified, serverTime }: SmallObject, { takeOverAfter }: LeaseOptions): boolean =>
  Math.abs(serverTime - lastModified) > Duration.toMillis(takeOverAfter)

/** Removes the lease if it is that of a run. */
const release = Effect.fnUntraced(function* (run: string) {
  const s3 = yield* S3Client
  const lease = yield* read
  if (Option.exists(lease, (one) => holderOf(one)?.run === run)) yield* s3.remove([LEASE])
})

const holderOf = ({ body }: SmallObject) =>
  Option.getOrUndefined(Schema.decodeOption(Holder)(new TextDecoder().decode(body)))

/** Not again and again: a store that says so for ever would be asked without a pause. */
const contradicted = Effect.flatMap(S3Client, ({ location }) =>
  fail(
    exitCodes.usage,
    `the store of ${format(location)} says both that ${LEASE} exists (HTTP 412) and that it does not (HTTP 404); use a store with conditional writes, such as Amazon S3, or export to a directory`
  )
)

const held = Effect.fnUntraced(function* (lease: SmallObject) {
  const s3 = yield* S3Client
  const holder = holderOf(lease)
  const who = holder === undefined ? "" : ` (process ${holder.process} on ${holder.host})`
  const age = Math.max(0, Math.round((lease.serverTime - lease.lastModified) / 1000))
  return yield* fail(
    exitCodes.locked,
    `another run${who} holds the lease of ${format(s3.location)}, renewed ${age} s ago; wait for it, or use another destination`
  )
})

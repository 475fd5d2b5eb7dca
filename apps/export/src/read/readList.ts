/**
 * Reads the list: resumes from a checkpoint or starts, and reads the whole list when a partial read is not enough.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import type { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { SessionsError } from "@hb-sessions/core/SessionsError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { fingerprint, isOf } from "../publish/Account.ts"
import type { Destination } from "../publish/Destination.ts"
import { names } from "../publish/Layout.ts"
import type { Manifest } from "../publish/Manifest.ts"
import type { Staging } from "../publish/Staging.ts"
import type { Plan } from "../resume/Checkpoint.ts"
import * as Resume from "../resume/Resume.ts"
import type { Settings } from "../settings/Settings.ts"
import * as Incremental from "./IncrementalPlan.ts"
import { KeyTable } from "./KeyTable.ts"
import { type Gathered, readToFiles } from "./readToFiles.ts"
import type { ServerClock } from "./ServerClock.ts"

/** The result of a read, and its plan. */
export interface Attempt {
  readonly plan: Plan
  readonly index: KeyTable | undefined
  readonly gathered: Gathered
}

/** Reads the list: from the start if the checkpoint is damaged, and again as a whole if a partial read is not enough. */
export const readList = Effect.fn("readList")(function* (
  staging: Staging,
  settings: Settings,
  found: Option.Option<Resume.Candidate>,
  previous: Manifest | undefined
): Effect.fn.Return<
  Attempt,
  AppError | PlatformError | SessionsError,
  Destination | FileSystem.FileSystem | Path.Path | SessionsClient | ServerClock | Scope.Scope
> {
  const plan = Option.isSome(found) ? resumedPlan(found.value) : yield* newPlan(settings, previous)
  const index = yield* indexOf(settings, previous)
  if (Option.isSome(found)) {
    const { received } = found.value.checkpoint.progress
    yield* Effect.logInfo(`resuming an interrupted export after ${received} sessions`)
  }
  const attempt = yield* readToFiles({ staging, settings, plan, candidate: found, index }).pipe(
    Effect.catchReason("SessionsError", "InvalidResumeToken", ({ message }) =>
      Effect.as(Resume.quarantine(staging, staging.path(names.checkpoint), message), Option.none<Gathered>())
    )
  )
  if (Option.isNone(attempt)) {
    const fs = yield* FileSystem.FileSystem
    if (Option.isSome(found) && (yield* fs.exists(found.value.directory))) {
      yield* Resume.quarantine(staging, found.value.directory, "its files are damaged")
    }
    return yield* readList(staging, settings, Option.none(), previous)
  }
  const why =
    shortcoming(settings, plan, attempt.value) ?? (yield* unknownSessions(previous, plan, index, attempt.value))
  if (why === undefined) return { plan, index, gathered: attempt.value }
  yield* Effect.logInfo(`reading the whole list: ${why}`)
  yield* Resume.removeCheckpoint(staging)
  const { readSince: _, ...whole } = plan
  const again = yield* readToFiles({
    staging,
    settings,
    plan: { ...whole, scopeReason: why },
    candidate: Option.none(),
    index
  })
  return { plan: { ...whole, scopeReason: why }, index, gathered: yield* Effect.fromOption(again).pipe(Effect.orDie) }
})

/** Why a partial read is not enough, judged by `totalCount`; undefined when it is enough. */
const unknownSessions = (
  previous: Manifest | undefined,
  plan: Plan,
  index: KeyTable | undefined,
  { journal, quarantine, report }: Gathered
) =>
  index === undefined || plan.readSince === undefined
    ? Effect.undefined
    : Incremental.unknownSessions({
        index,
        journal,
        listed: previous?.bookmark.listed,
        total: report.totalCountFirst,
        // The total counts them too; presumably the same ones as before.
        quarantined: Math.max(quarantine.state.rows, previous?.report.unreadableRows ?? 0)
      })

/** Why a partial read is not enough; undefined when it is enough. */
const shortcoming = ({ selection, strict }: Settings, { readSince }: Plan, { hasMissedUndated, report }: Gathered) => {
  if (readSince === undefined) return undefined
  if (selection.mode === "snapshot") {
    const isWanting = strict && report.completeness.status === "unproven" && report.stoppedEarly
    return isWanting ? "the read back to --since could not be proven to be complete" : undefined
  }
  if (hasMissedUndated)
    return "a session with a missing or implausible createdAt was found, and others could be anywhere in the list"
  if (report.stoppedEarly || report.order === "newest-first") return undefined
  return "the list is not sorted newest first"
}

const newPlan = Effect.fnUntraced(function* (settings: Settings, previous: Manifest | undefined) {
  const started = yield* Clock.currentTimeMillis
  const { readSince, why } = Incremental.reach(settings, previous, started)
  const key = settings.key ?? Redacted.make("")
  const plan: Plan = {
    selection: settings.selection,
    key: previous !== undefined && isOf(previous.account.key, key) ? previous.account.key : fingerprint(key),
    base: previous?.generation ?? 0,
    fullRefresh: settings.fullRefresh,
    scopeReason: why,
    ...(readSince === undefined ? {} : { readSince }),
    ...(settings.since === undefined ? {} : { since: settings.since }),
    ...(settings.until === undefined ? {} : { until: settings.until }),
    ...(settings.pageSize === undefined ? {} : { pageSize: settings.pageSize }),
    started,
    resumed: 0
  }
  return plan
})

const resumedPlan = ({ checkpoint: { plan } }: Resume.Candidate): Plan => ({ ...plan, resumed: plan.resumed + 1 })

/** What previous generations have written; undefined for a snapshot. */
const indexOf = ({ fullRefresh, selection }: Settings, previous: Manifest | undefined) => {
  if (selection.mode === "snapshot") return Effect.undefined
  if (fullRefresh || previous === undefined) return Effect.succeed(new KeyTable())
  return Incremental.loadIndex(previous)
}

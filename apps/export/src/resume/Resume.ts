/**
 * Going on where a former run was interrupted, if that fits.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { isOf } from "../publish/Account.ts"
import { type Checkpoint, CheckpointJson } from "./Checkpoint.ts"
import { names } from "../publish/Directory.ts"
import { schemaVersion, Versioned } from "../publish/Manifest.ts"
import { isSame } from "../settings/Selection.ts"
import type { Settings } from "../settings/Settings.ts"
import * as Staging from "../publish/Staging.ts"

/** A checkpoint that fits, and where its files are. */
export interface Candidate {
  readonly directory: string
  readonly checkpoint: Checkpoint
}

/** Why a checkpoint is not gone on with: it is `outdated`, or it is `refused` and kept for people. */
type Unfit = { readonly kind: "outdated" | "refused"; readonly why: string }

/** Finds the checkpoint with the most rows that fits; those that must not be used are kept aside, with a warning. */
export const find = Effect.fn("Resume.find")(function* (staging: Staging.Staging, settings: Settings, base: number) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  let best: Candidate | undefined
  for (const directory of staging.former) {
    const file = path.join(directory, names.checkpoint)
    if (!(yield* fs.exists(file))) continue
    const checked = yield* check(yield* fs.readFileString(file), settings, base)
    if (Result.isSuccess(checked)) {
      const found = { directory, checkpoint: checked.success }
      if (best === undefined || found.checkpoint.progress.received > best.checkpoint.progress.received) best = found
    } else if (checked.failure.kind === "refused") {
      yield* keepAside(staging, directory, checked.failure.why)
    } else {
      yield* Effect.logInfo(`a checkpoint is not gone on with: ${checked.failure.why}`)
    }
  }
  return Option.fromUndefinedOr(best)
})

/** Keeps a former run's state for people, and says so. */
export const keepAside = Effect.fnUntraced(function* (staging: Staging.Staging, directory: string, why: string) {
  const kept = yield* Staging.refuse(staging, directory)
  yield* Effect.logWarning(`a checkpoint cannot be used: ${why}; it is kept in ${kept}, and the export starts anew`)
})

const check = Effect.fnUntraced(function* (text: string, settings: Settings, base: number) {
  const refused = (why: string) => Result.fail<Unfit>({ kind: "refused", why })
  const outdated = (why: string) => Result.fail<Unfit>({ kind: "outdated", why })
  const version = Option.map(Schema.decodeOption(Versioned)(text), (found) => found.schemaVersion)
  if (Option.isSome(version) && version.value > schemaVersion) {
    return refused(`it is of version ${version.value}, and this program reads version ${schemaVersion}`)
  }
  const decoded = Schema.decodeOption(CheckpointJson)(text)
  if (Option.isNone(decoded)) return refused("it is damaged")
  const checkpoint = decoded.value
  const { plan } = checkpoint
  if (!isSame(plan.selection, settings.selection)) return refused("it is of an export with other settings")
  if (settings.key === undefined || !isOf(plan.key, settings.key)) return refused("it was made with another API key")
  if (plan.base !== base) return outdated("another generation was published after it")
  if (settings.strict && settings.selection.mode === "incremental" && plan.readSince !== undefined) {
    return outdated("--strict reads the whole list")
  }
  if (plan.pageSize !== settings.pageSize) return outdated("its pages have another size")
  if (settings.fullRefresh && plan.sweepReason !== fullRefreshReason) return outdated("--full-refresh begins anew")
  const age = (yield* Clock.currentTimeMillis) - checkpoint.written
  if (age > Duration.toMillis(settings.resumeWithin)) return outdated("it is too old")
  return Result.succeed(checkpoint)
})

/** Removes the checkpoint of this run. */
export const removeCheckpoint = Effect.fnUntraced(function* (staging: Staging.Staging) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.remove(staging.path(names.checkpoint), { force: true })
})

/** What a run with `--full-refresh` says of itself. */
export const fullRefreshReason = "--full-refresh was given"

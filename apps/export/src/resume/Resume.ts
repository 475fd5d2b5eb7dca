/**
 * Resuming an interrupted run, if its checkpoint matches.
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
import { names } from "../publish/Layout.ts"
import { schemaVersion, Versioned } from "../publish/Manifest.ts"
import { isSame } from "../settings/Selection.ts"
import type { Settings } from "../settings/Settings.ts"
import * as Staging from "../publish/Staging.ts"

/** A matching checkpoint and the directory of its files. */
export interface Candidate {
  readonly directory: string
  readonly checkpoint: Checkpoint
}

/** Why a checkpoint is not resumed: it is `outdated`, or it is `rejected` and quarantined. */
type Unfit = { readonly kind: "outdated" | "rejected"; readonly why: string }

/** Finds the matching checkpoint with the most rows; quarantines those that must not be used, with a warning. */
export const find = Effect.fn("Resume.find")(function* (staging: Staging.Staging, settings: Settings, base: number) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  let best: Candidate | undefined
  for (const directory of staging.previous) {
    const file = path.join(directory, names.checkpoint)
    // Reading a FIFO would block for ever.
    const info = yield* Effect.option(fs.stat(file))
    if (!Option.exists(info, ({ type }) => type === "File")) continue
    const checked = yield* check(yield* fs.readFileString(file), settings, base)
    if (Result.isSuccess(checked)) {
      const found = { directory, checkpoint: checked.success }
      if (best === undefined || found.checkpoint.progress.received > best.checkpoint.progress.received) best = found
    } else if (checked.failure.kind === "rejected") {
      yield* quarantine(staging, directory, checked.failure.why)
    } else {
      yield* Effect.logInfo(`a checkpoint is not resumed: ${checked.failure.why}`)
    }
  }
  return Option.fromUndefinedOr(best)
})

/** Quarantines the state of a previous run, with a warning. */
export const quarantine = Effect.fnUntraced(function* (staging: Staging.Staging, directory: string, why: string) {
  const kept = yield* Staging.quarantine(staging, directory)
  yield* Effect.logWarning(
    `a checkpoint cannot be used: ${why}; it is quarantined in ${kept}, and the export starts over`
  )
})

const check = Effect.fnUntraced(function* (text: string, settings: Settings, base: number) {
  const rejected = (why: string) => Result.fail<Unfit>({ kind: "rejected", why })
  const outdated = (why: string) => Result.fail<Unfit>({ kind: "outdated", why })
  const version = Option.map(Schema.decodeOption(Versioned)(text), (found) => found.schemaVersion)
  if (Option.isSome(version) && version.value > schemaVersion) {
    return rejected(`it has version ${version.value}, and this program reads version ${schemaVersion}`)
  }
  const decoded = Schema.decodeOption(CheckpointJson)(text)
  if (Option.isNone(decoded)) return rejected("it is damaged")
  const checkpoint = decoded.value
  const { plan } = checkpoint
  if (!isSame(plan.selection, settings.selection)) return rejected("it belongs to an export with other settings")
  if (settings.key === undefined || !isOf(plan.key, settings.key)) return rejected("it was made with another API key")
  if (plan.base !== base) return outdated("another generation was published after it")
  if (settings.strict && settings.selection.mode === "incremental" && plan.readSince !== undefined) {
    return outdated("--strict reads the whole list")
  }
  if (plan.pageSize !== settings.pageSize) return outdated("--page-size has changed")
  if (settings.fullRefresh && !plan.fullRefresh) return outdated("--full-refresh starts over")
  const age = (yield* Clock.currentTimeMillis) - checkpoint.written
  // After a clock was set back, a checkpoint from the future may be of any age.
  if (Math.abs(age) > Duration.toMillis(settings.resumeWithin)) return outdated("it is older than --resume-within")
  return Result.succeed(checkpoint)
})

/** Removes the checkpoint of this run. */
export const removeCheckpoint = Effect.fnUntraced(function* (staging: Staging.Staging) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.remove(staging.path(names.checkpoint), { force: true })
})

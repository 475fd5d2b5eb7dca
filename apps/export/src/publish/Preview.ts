/**
 * What is published in a directory, and what the next run would do; locks and writes nothing.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import { archiveText } from "./Archive.ts"
import { CheckpointJson } from "../resume/Checkpoint.ts"
import { Destination } from "./Destination.ts"
import { checkFile } from "./Directory.ts"
import { names } from "./Layout.ts"
import { checkSettings } from "./Guards.ts"
import { reach } from "../read/IncrementalPlan.ts"
import type { Settings } from "../settings/Settings.ts"

/** The state of a destination. */
export const preview = Effect.fn("Preview.preview")(function* (settings: Settings) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const destination = yield* Destination
  const manifest = Option.getOrUndefined(yield* destination.published)?.manifest
  const kept = yield* destination.generations
  const number = (manifest?.generation ?? 0) + 1
  const { readSince, why } = reach(settings, manifest, yield* Clock.currentTimeMillis)
  const next = yield* checkSettings(settings, manifest).pipe(
    Effect.as(`read ${extent(readSince)} for generation ${number}: ${why}`),
    Effect.catch(({ message }) => Effect.succeed(`fail: ${message}`))
  )
  const unfinished: Array<string> = []
  for (const directory of yield* destination.unfinished) {
    const name = path.basename(directory)
    const file = path.join(directory, names.checkpoint)
    const text = yield* Effect.option(Effect.andThen(checkFile(file), fs.readFileString(file)))
    const found = Option.flatMap(text, Schema.decodeOption(CheckpointJson))
    unfinished.push(
      Option.match(found, {
        onNone: () => `${name}: no checkpoint`,
        onSome: ({ progress, written }) =>
          `${name}: checkpoint after ${progress.received} sessions, written ${new Date(written).toISOString()}`
      })
    )
  }
  return { name: destination.name, manifest, kept, unfinished, next }
})

/** The output of `inspect`. */
export const toLines = ({
  kept,
  manifest,
  name,
  next,
  unfinished
}: Effect.Success<ReturnType<typeof preview>>): ReadonlyArray<string> => [
  ...(manifest === undefined
    ? [`nothing is published in ${name}`]
    : [
        `generation ${manifest.generation} is published in ${name}, finished ${manifest.ended}`,
        `  ${manifest.sessions} sessions in this generation, ${manifest.files.length} files with ${manifest.current} sessions in all, ${manifest.completeness}${archiveText(manifest)}`,
        `  mode ${manifest.selection.mode}, format ${manifest.selection.format}, generations kept: ${kept.join(", ")}`,
        `  bookmark: final before ${manifest.bookmark.finalBefore ?? "-"}, newest session created ${manifest.bookmark.newestCreatedAt ?? "-"}, oldest that may change created ${manifest.bookmark.oldestOpen ?? "-"}, order ${manifest.bookmark.order}`
      ]),
  ...unfinished.map((line) => `unfinished: ${line}`),
  `the next run would ${next}`
]

const extent = (since: number | undefined): string =>
  since === undefined ? "the whole list" : `back to ${new Date(since).toISOString()}`

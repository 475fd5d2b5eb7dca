/**
 * Commits a generation: links its manifest to the previous one, and decides which generations are kept.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Destination } from "./Destination.ts"
import type { Manifest } from "./Manifest.ts"
import type * as Staging from "./Staging.ts"
import * as StoredManifest from "./StoredManifest.ts"

/** How long generations are kept. */
export interface Retention {
  /** Generations, at least 2: a reader that has just read a manifest must find its files. */
  readonly keep: number
  /** Younger generations stay too. */
  readonly keepFor: Duration.Duration
}

/** A manifest without its links to previous generations. */
export type Content = Omit<Manifest, "previous" | "oldestKept">

/** Publishes the files below `data` in the staging directory, with their manifest. */
export const commit = Effect.fn("Publish.commit")(function* (
  staging: Staging.Staging,
  content: Content,
  previous: StoredManifest.StoredManifest | undefined,
  retention: Retention
) {
  const destination = yield* Destination
  const stored = StoredManifest.make({
    ...content,
    ...(previous === undefined
      ? {}
      : { previous: { generation: previous.manifest.generation, sha256: previous.sha256 } }),
    oldestKept: yield* oldestKept(content.generation, previous?.manifest, retention)
  })
  yield* destination.commit(staging, stored, Option.fromUndefinedOr(previous?.manifest))
  return stored
})

/** The first generation that is kept with its manifest. */
const oldestKept = Effect.fnUntraced(function* (
  generation: number,
  previous: Manifest | undefined,
  { keep, keepFor }: Retention
) {
  const destination = yield* Destination
  const now = yield* Clock.currentTimeMillis
  let oldest = previous?.oldestKept ?? generation
  for (; generation - oldest + 1 > keep; oldest++) {
    const kept = Option.flatten(yield* Effect.option(destination.manifestOf(oldest)))
    const ended = Option.map(kept, ({ manifest }) => Date.parse(manifest.ended))
    // One that ended in the future, by a clock that was set back since, is new.
    if (Option.exists(ended, (time) => Math.max(0, now - time) < Duration.toMillis(keepFor))) break
  }
  return oldest
})

/**
 * Publishes a generation from the staging directory, and completes a publication that a crash interrupted.
 *
 * The order is: the files, flushed, move into their generation; then the manifest is renamed into place, which is the
 * commit; then the directory is reconciled with the manifest: its copy, `sessions.csv`, and the removal of old
 * generations.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import { hash } from "node:crypto"
import {
  generationName,
  generations,
  isNotFound,
  list,
  manifestCopy,
  names,
  readManifest,
  readStored,
  type StoredManifest,
  sync,
  writeFlushed
} from "./Directory.ts"
import { filesOf, type Manifest, toText } from "./Manifest.ts"
import * as Staging from "./Staging.ts"

/** How long generations stay on the disk. */
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
  retention: Retention
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const previous = yield* readStored(path.join(staging.directory, names.manifest))
  const manifest: Manifest = {
    ...content,
    ...Option.match(previous, {
      onNone: () => ({}),
      onSome: (found) => ({ previous: { generation: found.manifest.generation, sha256: found.sha256 } })
    }),
    oldestKept: yield* oldestKept(staging.directory, content.generation, previous, retention)
  }
  const home = path.join(staging.directory, names.generations)
  if (!(yield* fs.exists(home))) {
    yield* fs.makeDirectory(home)
    // Before anything refers to its content.
    yield* sync(staging.directory)
  }
  yield* sync(staging.path("data"))
  yield* fs.rename(staging.path("data"), path.join(home, generationName(manifest.generation)))
  yield* sync(home)
  const text = toText(manifest)
  yield* writeFlushed(staging.path(names.manifest), text)
  yield* fs.rename(staging.path(names.manifest), path.join(staging.directory, names.manifest))
  yield* sync(staging.directory)
  yield* reconcileDirectory(
    staging,
    manifest,
    Option.map(previous, (found) => found.manifest)
  )
  const stored: StoredManifest = { manifest, text, sha256: hash("sha256", text, "hex") }
  return stored
})

/** The first generation that is kept with its manifest. */
const oldestKept = Effect.fnUntraced(function* (
  directory: string,
  generation: number,
  previous: Option.Option<StoredManifest>,
  { keep, keepFor }: Retention
) {
  const now = yield* Clock.currentTimeMillis
  let oldest = Option.match(previous, { onNone: () => generation, onSome: (found) => found.manifest.oldestKept })
  for (; generation - oldest + 1 > keep; oldest++) {
    const copy = yield* Effect.option(Effect.flatMap(manifestCopy(directory, oldest), readManifest))
    const ended = Option.map(Option.flatten(copy), (found) => Date.parse(found.ended))
    // One that ended in the future, by a clock that was set back since, is new.
    if (Option.exists(ended, (time) => Math.max(0, now - time) < Duration.toMillis(keepFor))) break
  }
  return oldest
})

/** Reconciles the directory with its committed manifest; idempotent. */
export const reconcileDirectory = Effect.fn("Publish.reconcileDirectory")(function* (
  staging: Staging.Staging,
  manifest: Manifest,
  previous: Option.Option<Manifest>
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const copy = yield* manifestCopy(staging.directory, manifest.generation)
  if (!(yield* fs.exists(copy))) {
    // Byte for byte: a newer program may have written more than this one understands.
    const text = yield* fs.readFileString(path.join(staging.directory, names.manifest))
    yield* writeFlushed(staging.path(names.manifest), text)
    yield* fs.rename(staging.path(names.manifest), copy)
    yield* sync(path.dirname(copy))
  }
  yield* linkLatest(staging, manifest)
  const outdated = Option.getOrUndefined(Option.flatMap(previous, ({ latest }) => Option.fromUndefinedOr(latest)))
  if (outdated !== undefined && outdated !== manifest.latest) {
    yield* Staging.remove(staging, path.join(staging.directory, outdated))
  }
  yield* prune(staging, manifest)
})

/** Puts the current data beside the manifest, if that is one file: as a hard link, or a copy where links are not possible. */
const linkLatest = Effect.fnUntraced(function* (staging: Staging.Staging, manifest: Manifest) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const newest = manifest.files.at(-1)
  if (manifest.latest === undefined || newest === undefined) return
  const from = path.join(staging.directory, newest.path)
  const to = path.join(staging.directory, manifest.latest)
  if (yield* isSameFile(from, to)) return
  const link = staging.path("latest")
  yield* fs.remove(link, { force: true })
  yield* fs.link(from, link).pipe(
    Effect.catchIf(
      (error) => !isNotFound(error),
      () => fs.copyFile(from, link).pipe(Effect.andThen(flush(link)))
    )
  )
  yield* fs.rename(link, to)
  yield* sync(staging.directory)
})

const flush = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const handle = yield* fs.open(file, { flag: "r+" })
  yield* handle.sync
}, Effect.scoped)

const isSameFile = Effect.fnUntraced(function* (a: string, b: string) {
  const fs = yield* FileSystem.FileSystem
  const [first, second] = yield* Effect.all([Effect.option(fs.stat(a)), Effect.option(fs.stat(b))])
  return (
    Option.isSome(first) &&
    Option.isSome(second) &&
    Option.isSome(first.value.ino) &&
    first.value.dev === second.value.dev &&
    Option.getOrUndefined(first.value.ino) === Option.getOrUndefined(second.value.ino)
  )
})

/**
 * Removes what the kept generations do not name.
 *
 * A file that one manifest does not name is not named by later ones either, so the oldest kept manifest names all files
 * that are needed of earlier generations.
 */
const prune = Effect.fnUntraced(function* (staging: Staging.Staging, manifest: Manifest) {
  const path = yield* Path.Path
  const oldest = yield* Effect.option(
    Effect.flatMap(manifestCopy(staging.directory, manifest.oldestKept), (file) => readManifest(file))
  )
  // Without it, it is unknown which files are needed.
  if (Option.isNone(oldest) || Option.isNone(oldest.value)) return
  const needed = new Set([...filesOf(oldest.value.value), ...filesOf(manifest)].map((file) => file.path))
  for (const generation of yield* generations(staging.directory)) {
    if (generation >= manifest.oldestKept) continue
    const name = `${names.generations}/${generationName(generation)}`
    const home = path.join(staging.directory, name)
    const found = yield* list(home)
    const unneeded = found.filter((file) => !needed.has(`${name}/${file}`))
    if (unneeded.length === found.length) yield* Staging.remove(staging, home)
    else for (const file of unneeded) yield* Staging.remove(staging, path.join(home, file))
  }
})

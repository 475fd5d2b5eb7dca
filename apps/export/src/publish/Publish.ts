/**
 * From files in the staging directory to a published generation, and the repair of what a crash left half done.
 *
 * The order is: the files, flushed, under their generation; then the manifest, whose rename is the commit; then what
 * follows from the manifest and can be made again from it: its copy, the file for people, and the end of old
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

/** How long what was published stays on the disk. */
export interface Retention {
  /** Generations, at least 2: a reader that has just read a manifest must find its files. */
  readonly keep: number
  /** Generations that are younger stay too. */
  readonly keepFor: Duration.Duration
}

/** A manifest without what ties it to the generations before it. */
export type Content = Omit<Manifest, "previous" | "oldestKept">

/** Publishes the files below `data` in the staging directory, with their manifest. */
export const commit = Effect.fn("Publish.commit")(function* (
  staging: Staging.Staging,
  content: Content,
  retention: Retention
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const former = yield* readStored(path.join(staging.directory, names.manifest))
  const manifest: Manifest = {
    ...content,
    ...Option.match(former, {
      onNone: () => ({}),
      onSome: (found) => ({ previous: { generation: found.manifest.generation, sha256: found.sha256 } })
    }),
    oldestKept: yield* oldestKept(staging.directory, content.generation, former, retention)
  }
  const home = path.join(staging.directory, names.generations)
  if (!(yield* fs.exists(home))) {
    yield* fs.makeDirectory(home)
    // Before anything refers to what is in it.
    yield* sync(staging.directory)
  }
  yield* sync(staging.path("data"))
  yield* fs.rename(staging.path("data"), path.join(home, generationName(manifest.generation)))
  yield* sync(home)
  const text = toText(manifest)
  yield* writeFlushed(staging.path(names.manifest), text)
  yield* fs.rename(staging.path(names.manifest), path.join(staging.directory, names.manifest))
  yield* sync(staging.directory)
  yield* settle(
    staging,
    manifest,
    Option.map(former, (found) => found.manifest)
  )
  const stored: StoredManifest = { manifest, text, sha256: hash("sha256", text, "hex") }
  return stored
})

/** The first generation that stays with its manifest. */
const oldestKept = Effect.fnUntraced(function* (
  directory: string,
  generation: number,
  former: Option.Option<StoredManifest>,
  { keep, keepFor }: Retention
) {
  const now = yield* Clock.currentTimeMillis
  let oldest = Option.match(former, { onNone: () => generation, onSome: (found) => found.manifest.oldestKept })
  for (; generation - oldest + 1 > keep; oldest++) {
    const copy = yield* Effect.option(Effect.flatMap(manifestCopy(directory, oldest), readManifest))
    const ended = Option.map(Option.flatten(copy), (found) => Date.parse(found.ended))
    if (Option.exists(ended, (time) => now - time < Duration.toMillis(keepFor))) break
  }
  return oldest
})

/** Makes what follows from a committed manifest; can be repeated. */
export const settle = Effect.fn("Publish.settle")(function* (
  staging: Staging.Staging,
  manifest: Manifest,
  former: Option.Option<Manifest>
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const copy = yield* manifestCopy(staging.directory, manifest.generation)
  if (!(yield* fs.exists(copy))) {
    // As it is: a newer program may have written more than this one understands.
    const text = yield* fs.readFileString(path.join(staging.directory, names.manifest))
    yield* writeFlushed(staging.path(names.manifest), text)
    yield* fs.rename(staging.path(names.manifest), copy)
    yield* sync(path.dirname(copy))
  }
  yield* linkLatest(staging, manifest)
  const outdated = Option.getOrUndefined(Option.flatMap(former, ({ latest }) => Option.fromUndefinedOr(latest)))
  if (outdated !== undefined && outdated !== manifest.latest) {
    yield* Staging.remove(staging, path.join(staging.directory, outdated))
  }
  yield* prune(staging, manifest)
})

/** Puts the current data beside the manifest, if that is one file: the same file under a second name, or a copy where that is not possible. */
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
 * A file that a manifest does not name is named by none after it, so the oldest manifest that is kept tells what is
 * needed of all generations before it.
 */
const prune = Effect.fnUntraced(function* (staging: Staging.Staging, manifest: Manifest) {
  const path = yield* Path.Path
  const oldest = yield* Effect.option(
    Effect.flatMap(manifestCopy(staging.directory, manifest.oldestKept), (file) => readManifest(file))
  )
  // Nothing is removed while nobody can tell what is needed.
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

/**
 * From files in the staging directory to a published generation, and the repair of what a crash left half done.
 *
 * The order is: the files, flushed, under their generation; then the manifest, whose rename is the commit; then what
 * follows from the manifest and can be made again from it: its copy, the file for people, and the end of old
 * generations.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import {
  generationName,
  generations,
  isNotFound,
  manifestCopy,
  names,
  readManifest,
  sync,
  writeFlushed
} from "./Directory.ts"
import { type Manifest, toText } from "./Manifest.ts"
import * as Staging from "./Staging.ts"

/** Publishes the files below `data` in the staging directory, with their manifest. */
export const commit = Effect.fn("Publish.commit")(function* (
  staging: Staging.Staging,
  manifest: Manifest,
  former: Option.Option<Manifest>,
  keep: number
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const home = path.join(staging.directory, names.generations)
  if (!(yield* fs.exists(home))) {
    yield* fs.makeDirectory(home)
    // Before anything refers to what is in it.
    yield* sync(staging.directory)
  }
  yield* sync(staging.path("data"))
  yield* fs.rename(staging.path("data"), path.join(home, generationName(manifest.generation)))
  yield* sync(home)
  yield* writeFlushed(staging.path(names.manifest), toText(manifest))
  yield* fs.rename(staging.path(names.manifest), path.join(staging.directory, names.manifest))
  yield* sync(staging.directory)
  yield* settle(staging, manifest, former, keep)
})

/** Makes what follows from a committed manifest; can be repeated. */
export const settle = Effect.fn("Publish.settle")(function* (
  staging: Staging.Staging,
  manifest: Manifest,
  former: Option.Option<Manifest>,
  keep: number
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const copy = yield* manifestCopy(staging.directory, manifest.generation)
  if (!(yield* fs.exists(copy))) {
    yield* writeFlushed(staging.path(names.manifest), toText(manifest))
    yield* fs.rename(staging.path(names.manifest), copy)
    yield* sync(path.dirname(copy))
  }
  yield* linkLatest(staging, manifest)
  const outdated = Option.getOrUndefined(Option.flatMap(former, ({ latest }) => Option.fromUndefinedOr(latest)))
  if (outdated !== undefined && outdated !== manifest.latest) {
    yield* Staging.remove(staging, path.join(staging.directory, outdated))
  }
  yield* prune(staging, manifest, keep)
})

/** Puts the newest file beside the manifest: the same file under a second name, or a copy where that is not possible. */
const linkLatest = Effect.fnUntraced(function* (staging: Staging.Staging, manifest: Manifest) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const newest = manifest.files.find((file) => file.generation === manifest.generation)
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

/** Removes the generations that none of the newest `keep` manifests needs. */
const prune = Effect.fnUntraced(function* (staging: Staging.Staging, manifest: Manifest, keep: number) {
  const path = yield* Path.Path
  const present = yield* generations(staging.directory)
  const kept = present.filter((generation) => generation <= manifest.generation).slice(-keep)
  const needed = new Set(manifest.files.map((file) => file.generation))
  for (const generation of kept) {
    needed.add(generation)
    const copy = yield* Effect.option(
      Effect.flatMap(manifestCopy(staging.directory, generation), (file) => readManifest(file))
    )
    for (const file of Option.match(Option.flatten(copy), { onNone: () => [], onSome: (found) => found.files })) {
      needed.add(file.generation)
    }
  }
  for (const generation of present) {
    if (needed.has(generation)) continue
    yield* Staging.remove(staging, path.join(staging.directory, names.generations, generationName(generation)))
  }
})

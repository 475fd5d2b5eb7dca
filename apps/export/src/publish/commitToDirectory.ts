/**
 * Publishes a generation in a directory, and completes a publication that a crash interrupted.
 *
 * The order is: the files, flushed, move into their generation; then the manifest is renamed into place, which is the
 * commit; then the directory is reconciled with the manifest: its copy, `sessions.csv`, and the removal of old
 * generations.
 */
import * as DurableFile from "@hb-sessions/app-kit/DurableFile"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import { isNotFound, list, readText } from "./Directory.ts"
import { generationName, generationOf, homeOf, manifestPath, names } from "./Layout.ts"
import { type Manifest, neededPaths } from "./Manifest.ts"
import * as Staging from "./Staging.ts"
import * as StoredManifest from "./StoredManifest.ts"

/** Publishes the files below `data` in the staging directory, with their manifest. */
export const commitToDirectory = Effect.fn("commitToDirectory")(function* (
  staging: Staging.Staging,
  { manifest, text }: StoredManifest.StoredManifest,
  previous: Option.Option<Manifest>
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const home = path.join(staging.directory, names.generations)
  if (!(yield* fs.exists(home))) {
    yield* fs.makeDirectory(home)
    // Before anything refers to its content.
    yield* DurableFile.syncDirectory(staging.directory)
  }
  yield* DurableFile.syncDirectory(staging.path("data"))
  yield* DurableFile.place(staging.path("data"), path.join(home, generationName(manifest.generation)))
  yield* DurableFile.write(staging.path(names.manifest), text)
  yield* DurableFile.place(staging.path(names.manifest), path.join(staging.directory, names.manifest))
  yield* reconcileDirectory(staging, manifest, previous)
})

/** Reconciles the directory with its committed manifest; idempotent. */
export const reconcileDirectory = Effect.fn("reconcileDirectory")(function* (
  staging: Staging.Staging,
  manifest: Manifest,
  previous: Option.Option<Manifest>
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const copy = path.join(staging.directory, manifestPath(manifest.generation))
  if (!(yield* fs.exists(copy))) {
    // Byte for byte: a newer program may have written more than this one understands.
    const text = yield* fs.readFileString(path.join(staging.directory, names.manifest))
    yield* DurableFile.write(staging.path(names.manifest), text)
    yield* DurableFile.place(staging.path(names.manifest), copy)
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
  yield* DurableFile.place(link, to)
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

/** Removes what the kept generations do not name. */
const prune = Effect.fnUntraced(function* (staging: Staging.Staging, manifest: Manifest) {
  const path = yield* Path.Path
  const file = path.join(staging.directory, manifestPath(manifest.oldestKept))
  const oldest = yield* readText(file).pipe(
    Effect.flatMap(Effect.fromOption),
    Effect.flatMap((text) => StoredManifest.decode(text, file)),
    Effect.option
  )
  // Without it, it is unknown which files are needed.
  if (Option.isNone(oldest)) return
  const needed = neededPaths(manifest, oldest.value.manifest)
  for (const name of yield* list(path.join(staging.directory, names.generations))) {
    const generation = generationOf(name)
    if (generation === undefined || generation >= manifest.oldestKept) continue
    const home = path.join(staging.directory, homeOf(generation))
    const found = yield* list(home)
    const unneeded = found.filter((each) => !needed.has(`${homeOf(generation)}/${each}`))
    if (unneeded.length === found.length) yield* Staging.remove(staging, home)
    else for (const each of unneeded) yield* Staging.remove(staging, path.join(home, each))
  }
})

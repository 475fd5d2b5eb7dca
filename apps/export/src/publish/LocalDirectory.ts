/**
 * A local directory as a destination.
 *
 * The rename of the manifest into place is the commit. Beside what is published, hidden names belong to runs:
 *
 * ```text
 * .staging-<run>/                  unpublished work of a run; all its changes go through here
 * .quarantined-<time>/             state that could not be used, kept for inspection
 * .note                            what runs tell later ones, such as that people know of a failure
 * .note.new                        that, until it is complete
 * .lock, .takeover                 locked by the running process, never removed
 * ```
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import { exitCodes } from "../exitCodes.ts"
import { measure } from "../files/Measure.ts"
import { commitToDirectory, reconcileDirectory } from "./commitToDirectory.ts"
import { type Destination, MAX_NOTE, type Note } from "./Destination.ts"
import * as Directory from "./Directory.ts"
import { generationOf, homeOf, manifestPath, names } from "./Layout.ts"
import * as Lock from "./Lock.ts"
import * as Staging from "./Staging.ts"
import * as StoredManifest from "./StoredManifest.ts"

/** What the destination of a directory needs to know. */
export interface LocalDirectoryOptions {
  /** Created with its parents by the first run. */
  readonly directory: string
  /** The time without activity after which a run loses the lock. */
  readonly takeOverAfter: Duration.Duration
}

/** Makes the destination of a directory; nothing is read or written yet. */
export const make = Effect.fnUntraced(function* ({
  directory,
  takeOverAfter
}: LocalDirectoryOptions): Effect.fn.Return<Destination["Service"], never, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const context = Context.make(FileSystem.FileSystem, fs).pipe(Context.add(Path.Path, path))
  const provided = Effect.provideContext(context)

  const show = (published: string) => path.join(directory, published)
  const read = Effect.fnUntraced(function* (published: string) {
    const file = show(published)
    const text = yield* Directory.readText(file)
    if (Option.isNone(text)) return Option.none<StoredManifest.StoredManifest>()
    return Option.some(yield* StoredManifest.decode(text.value, file))
  }, provided)

  const newest = read(names.manifest)
  const manifestOf = (generation: number) => read(manifestPath(generation))

  const generations = Effect.map(Directory.list(show(names.generations)), (found) =>
    found.flatMap((name) => generationOf(name) ?? [])
  ).pipe(provided)

  // Without a copy of its manifest, a generation was never committed.
  const publishedAfter = Effect.fnUntraced(function* (generation: number) {
    const found: Array<number> = []
    for (const later of yield* generations) {
      if (later > generation && (yield* fs.exists(show(manifestPath(later))))) found.push(later)
    }
    return found
  })

  /** Rejects a manifest that is missing, older than its generations, or different from its copy. */
  const published = Effect.gen(function* () {
    const file = show(names.manifest)
    const stored = yield* newest
    const generation = Option.match(stored, { onNone: () => 0, onSome: ({ manifest }) => manifest.generation })
    const after = (yield* publishedAfter(generation)).at(-1)
    if (after !== undefined) {
      const problem = generation === 0 ? "is missing" : `is of generation ${generation}`
      return yield* new AppError({
        message: `${file} ${problem}, but ${show(manifestPath(after))} exists; copy that back, or move ${names.manifest} and ${names.generations} away to start over`,
        exitCode: exitCodes.usage
      })
    }
    if (Option.isSome(stored)) {
      const copy = show(manifestPath(generation))
      const text = yield* provided(Directory.readText(copy))
      if (Option.isSome(text) && text.value !== stored.value.text) {
        return yield* new AppError({
          message: `${file} differs from its copy ${copy}, so one of them was modified; copy the right one over the other`,
          exitCode: exitCodes.usage
        })
      }
    }
    return stored
  })

  const begin = Effect.gen(function* () {
    yield* Directory.checkWritable(directory)
    yield* Directory.make(directory)
    yield* Directory.checkRename(directory)
    yield* Lock.acquire(directory, takeOverAfter)
    return yield* Staging.fence(directory)
  })

  const recover = Effect.fnUntraced(function* (staging: Staging.Staging) {
    const stored = yield* published
    const generation = Option.match(stored, { onNone: () => 0, onSome: ({ manifest }) => manifest.generation })
    // A killed run may have moved it into place without committing it.
    yield* Staging.remove(staging, show(homeOf(generation + 1)))
    if (Option.isSome(stored)) {
      const before = yield* manifestOf(generation - 1)
      yield* reconcileDirectory(
        staging,
        stored.value.manifest,
        Option.map(before, ({ manifest }) => manifest)
      )
    }
    return stored
  }, provided)

  const isLatestCurrent = Effect.fnUntraced(function* ({ files, latest }) {
    if (latest === undefined) return true
    const actual = yield* measure(show(latest))
    return typeof actual !== "string" && actual.sha256 === files.at(-1)?.sha256
  }, provided) satisfies Destination["Service"]["isLatestCurrent"]

  const entries = Effect.gen(function* () {
    const beside = (yield* Directory.list(directory)).filter((name) => !name.startsWith(".") && name !== "lost+found")
    const found: Array<string> = []
    for (const name of beside) {
      if (name !== names.generations) {
        found.push(name)
        continue
      }
      for (const home of yield* Directory.list(show(name))) {
        const place = `${name}/${home}`
        const within = yield* Directory.list(show(place)).pipe(Effect.orElseSucceed(() => []))
        if (within.length === 0) found.push(`${place}/`)
        for (const file of within) found.push(`${place}/${file}`)
      }
    }
    return found
  }).pipe(provided)

  const unfinished = Effect.map(Directory.list(directory), (found) =>
    found.filter((name) => name.startsWith(names.staging)).map((name) => path.join(directory, name))
  ).pipe(provided)

  const noteFile = show(names.note)
  const newNoteFile = `${noteFile}.new`
  const note: Note = {
    read: fs.stat(noteFile).pipe(
      Effect.flatMap(({ size, type }) => {
        if (type !== "File") return Effect.succeedNone
        return size > MAX_NOTE ? Effect.succeedSome("") : Effect.asSome(fs.readFileString(noteFile))
      }),
      Effect.catchIf(Directory.isNotFound, () => Effect.succeedNone)
    ),
    // A new file each time, in place when it is complete: a run that is killed meanwhile leaves the old one, and whatever is
    // in its place is neither written to nor waited for. A full disk has room for an empty one, which is a note as well.
    write: (text) =>
      fs.remove(newNoteFile, { force: true }).pipe(
        Effect.andThen(fs.writeFileString(newNoteFile, text, { flag: "wx" })),
        Effect.andThen(fs.rename(newNoteFile, noteFile)),
        Effect.tapError(() => Effect.ignore(fs.remove(newNoteFile, { force: true }))),
        Effect.tapError(() => Effect.ignore(fs.writeFileString(noteFile, "", { flag: "wx" })))
      ),
    remove: fs.remove(noteFile, { force: true })
  }

  return {
    name: directory,
    id: path.resolve(directory),
    show,
    check: provided(Directory.checkWritable(directory)),
    begin: provided(begin),
    recover,
    published,
    newest,
    manifestOf,
    generations,
    publishedAfter,
    newHome: (_, generation) => homeOf(generation),
    fetch: (file) => Effect.succeed(show(file.path)),
    commit: (staging, next, previous) => provided(commitToDirectory(staging, next, previous)),
    isLatestCurrent,
    entries,
    note,
    unfinished
  }
})

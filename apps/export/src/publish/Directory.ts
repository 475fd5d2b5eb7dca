/**
 * The layout of a published directory.
 *
 * ```text
 * manifest.json                    names the published files; its rename into place is the commit
 * sessions.csv                     the whole current data as one file; absent if that is several files
 * generations/00000001/…           the files of a generation, and a copy of its manifest while it is kept
 * .staging-<run>/                  unpublished work of a run; all its changes go through here
 * .quarantined-<time>/             state that could not be used, kept for inspection
 * .lock, .takeover                 locked by the running process, never removed
 * ```
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import { PlatformError } from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { hash } from "node:crypto"
import { exitCodes, fail } from "../exitCodes.ts"
import { type Manifest, ManifestJson, schemaVersion, Versioned } from "./Manifest.ts"

/** The names in a published directory. */
export const names = {
  manifest: "manifest.json",
  generations: "generations",
  lock: ".lock",
  takeover: ".takeover",
  staging: ".staging-",
  quarantined: ".quarantined-",
  alive: "alive",
  previous: "previous-",
  checkpoint: "checkpoint.json",
  index: "index.bin",
  tombstones: "tombstones.ndjson",
  quarantine: "quarantine.ndjson"
} as const

/** The name of a generation's directory. */
export const generationName = (generation: number): string => String(generation).padStart(8, "0")

/** Whether a file or directory does not exist. */
export const isNotFound = (error: PlatformError): boolean => error.reason._tag === "NotFound"

/** Flushes a directory, so that renames in it survive a power failure. */
export const sync = Effect.fn("Directory.sync")(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const handle = yield* fs.open(directory, { flag: "r" })
  yield* handle.sync
}, Effect.scoped)

/** Makes a directory with its parents, each of them flushed. */
export const make = (directory: string): Effect.Effect<void, PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    if (yield* fs.exists(directory)) return
    const parent = path.dirname(path.resolve(directory))
    yield* make(parent)
    // Not recursively: in a file system without directories to make, such as /proc, Node never returns from it.
    yield* fs.makeDirectory(directory).pipe(
      Effect.catchIf(
        ({ reason }) => reason._tag === "AlreadyExists",
        () => Effect.void
      )
    )
    yield* sync(parent)
  })

/** Failures that another path would avoid; others are disk errors. */
const unusable: Readonly<Partial<Record<string, string>>> = {
  ENOTDIR: "a part of the path is a file; name a directory",
  ENAMETOOLONG: "the path is too long for this file system; give a shorter one",
  ELOOP: "its symbolic links form a loop; name a directory"
}

const rejected = (directory: string, problem: string) =>
  fail(exitCodes.usage, `cannot publish to ${shortened(directory)}: ${problem}`)

const shortened = (path: string): string => (path.length <= 200 ? path : `${path.slice(0, 200)}…`)

/** Fails if a directory, or its nearest existing parent, is not writable; with a usage error if it is not a directory. */
export const checkWritable = (
  directory: string
): Effect.Effect<void, AppError | PlatformError, FileSystem.FileSystem | Path.Path> =>
  nearest(directory).pipe(
    Effect.catchIf(
      (error) => error instanceof PlatformError && unusable[codeOf(error)] !== undefined,
      (error) => rejected(directory, error instanceof PlatformError ? (unusable[codeOf(error)] ?? "") : "")
    )
  )

const codeOf = ({ reason }: PlatformError): string =>
  Predicate.hasProperty(reason.cause, "code") ? String(reason.cause.code) : ""

/**
 * Checks what a run writes to or moves: `generations`, or the run would fail only at its end, and what previous runs
 * left, since a directory can be moved only by a user who may write it.
 */
const checkContent = Effect.fnUntraced(function* (directory: string) {
  const path = yield* Path.Path
  for (const name of yield* list(directory)) {
    if (name !== names.generations && !name.startsWith(names.staging)) continue
    yield* checkOwn(path.join(directory, name))
  }
})

const checkOwn = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.access(directory, { writable: true }).pipe(
    Effect.catchIf(isNotFound, () => Effect.void),
    Effect.catchReason("PlatformError", "PermissionDenied", () =>
      rejected(directory, "this user may not write it, since another user created it; run as that user, or chown it")
    )
  )
})

const nearest = (directory: string): Effect.Effect<void, AppError | PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const resolved = path.resolve(directory)
    if (yield* fs.exists(resolved)) {
      const { type } = yield* fs.stat(resolved)
      if (type !== "Directory") return yield* rejected(directory, "it is not a directory; name one")
      yield* fs.access(resolved, { writable: true })
      return yield* checkContent(resolved)
    }
    const target = yield* Effect.option(fs.readLink(resolved))
    if (Option.isSome(target)) {
      return yield* rejected(
        directory,
        `it is a symbolic link to ${target.value}, which does not exist; create that first`
      )
    }
    return yield* nearest(path.dirname(resolved))
  })

/** Writes a file and flushes it; the name lasts when its directory is flushed too. */
export const writeFlushed = Effect.fn("Directory.writeFlushed")(function* (file: string, data: string | Uint8Array) {
  const fs = yield* FileSystem.FileSystem
  const handle = yield* fs.open(file, { flag: "w" })
  yield* handle.writeAll(typeof data === "string" ? new TextEncoder().encode(data) : data)
  yield* handle.sync
}, Effect.scoped)

/** The names in a directory, sorted; none when it does not exist. */
export const list = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const found = yield* Effect.catchIf(fs.readDirectory(directory), isNotFound, () => Effect.succeed([]))
  return found.toSorted()
})

/**
 * Fails with exit code 2 if something other than a regular file is in its place.
 *
 * Opening a FIFO would block for ever, also under SIGTERM, and a device may never end.
 */
export const checkFile = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const { type } = yield* fs.stat(file)
  if (type === "File") return
  return yield* fail(exitCodes.usage, `${file} is not a regular file; move it away`)
})

const readText = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* checkFile(file).pipe(
    Effect.andThen(fs.readFileString(file)),
    Effect.asSome,
    Effect.catchReason("PlatformError", "NotFound", () => Effect.succeedNone)
  )
})

/** The numbers of the generations' directories, ascending. */
export const generations = Effect.fnUntraced(function* (directory: string) {
  const path = yield* Path.Path
  const found = yield* list(path.join(directory, names.generations))
  return found.filter((name) => /^\d{8,}$/.test(name)).map(Number)
})

/** The path of a generation's own copy of its manifest. */
export const manifestCopy = Effect.fnUntraced(function* (directory: string, generation: number) {
  const path = yield* Path.Path
  return path.join(directory, names.generations, generationName(generation), names.manifest)
})

/** A manifest and its digest. */
export interface StoredManifest {
  readonly manifest: Manifest
  /** As it is in the file. */
  readonly text: string
  /** SHA-256 of the text, by which the next manifest names it. */
  readonly sha256: string
}

/**
 * Reads a manifest with its text; none when there is no such file.
 *
 * Rejects one that is damaged or has a newer version, and leaves it in place: publishing nothing is better than guessing
 * what was published.
 */
export const readStored = Effect.fn("Directory.readStored")(function* (file: string) {
  const text = yield* readText(file)
  if (Option.isNone(text)) return Option.none<StoredManifest>()
  const reject = (problem: string) =>
    Effect.fail(
      new AppError({
        message: `${file} ${problem}; restore it from its copy in the newest directory in ${names.generations}, or move it and ${names.generations} away to start over`,
        exitCode: exitCodes.usage
      })
    )
  const version = Option.map(Schema.decodeOption(Versioned)(text.value), (found) => found.schemaVersion)
  if (Option.isSome(version) && version.value > schemaVersion) {
    return yield* reject(
      `has version ${version.value}, and this program reads version ${schemaVersion}; update the program`
    )
  }
  const manifest = yield* Schema.decodeEffect(ManifestJson)(text.value).pipe(Effect.catch(() => reject("is damaged")))
  return Option.some<StoredManifest>({ manifest, text: text.value, sha256: hash("sha256", text.value, "hex") })
})

/** Reads a manifest; none when there is no such file. Fails as `readStored` does. */
export const readManifest = (file: string) =>
  Effect.map(
    readStored(file),
    Option.map(({ manifest }) => manifest)
  )

/** The generations published after a given one; without a copy of its manifest, a generation was never committed. */
export const publishedAfter = Effect.fnUntraced(function* (directory: string, generation: number) {
  const fs = yield* FileSystem.FileSystem
  const found: Array<number> = []
  for (const later of yield* generations(directory)) {
    if (later > generation && (yield* fs.exists(yield* manifestCopy(directory, later)))) found.push(later)
  }
  return found
})

/**
 * Reads the manifest of a published directory; none when nothing is published.
 *
 * Rejects a directory that was modified: one whose manifest is missing, older than its generations, or different from
 * its copy. A run on it would lose rows that are believed to be published.
 */
export const published = Effect.fn("Directory.published")(function* (directory: string) {
  const path = yield* Path.Path
  const file = path.join(directory, names.manifest)
  const stored = yield* readStored(file)
  const manifest = Option.map(stored, (found) => found.manifest)
  const generation = Option.match(manifest, { onNone: () => 0, onSome: (found) => found.generation })
  const after = (yield* publishedAfter(directory, generation)).at(-1)
  if (after !== undefined) {
    const problem = generation === 0 ? "is missing" : `is of generation ${generation}`
    return yield* new AppError({
      message: `${file} ${problem}, but ${yield* manifestCopy(directory, after)} exists; copy that back, or move ${names.manifest} and ${names.generations} away to start over`,
      exitCode: exitCodes.usage
    })
  }
  if (Option.isSome(stored)) {
    const copy = yield* manifestCopy(directory, generation)
    const text = yield* readText(copy)
    if (Option.isSome(text) && text.value !== stored.value.text) {
      return yield* new AppError({
        message: `${file} differs from its copy ${copy}, so one of them was modified; copy the right one over the other`,
        exitCode: exitCodes.usage
      })
    }
  }
  return manifest
})

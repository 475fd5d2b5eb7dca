/**
 * Verifies that a directory is exactly as last published.
 *
 * The manifest names its files with their digests, and the previous manifest with its digest; kept manifests are in their
 * generation's directory. So the newest manifest proves every file and every kept manifest, and whatever it does not lead
 * to does not belong there. An older state that was restored as a whole is consistent in itself; only values recorded
 * elsewhere, `Expected`, detect it.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { Destination, type DestinationError } from "./Destination.ts"
import { homeOf, manifestPath, names } from "./Layout.ts"
import type { StoredManifest } from "./StoredManifest.ts"
import { exitCodes } from "../exitCodes.ts"
import type { Manifest, PublishedFile, StateFile } from "./Manifest.ts"
import { measure } from "../files/Measure.ts"
import { type Form, plain } from "../files/Form.ts"

/** The result of a verification. */
export interface Verified {
  readonly manifest: Manifest
  /** SHA-256 of the manifest. */
  readonly sha256: string
  /** Number of kept generations. */
  readonly generations: number
  /** Number of files checked. */
  readonly files: number
  /** One line per problem. */
  readonly problems: ReadonlyArray<string>
}

/** What the operator recorded elsewhere. */
export interface Expected {
  /** The published generation must not be older. */
  readonly generation: Option.Option<number>
  /** The manifest of that generation, or of any kept one, must have this SHA-256. */
  readonly digest: Option.Option<string>
}

/**
 * Checks the chain of kept manifests, the size, digest and rows of every file that they name, and that there is nothing
 * else.
 *
 * Starts again if a generation is published meanwhile, since that may remove old files.
 */
export const verify = (
  expected: Expected
): Effect.Effect<Verified, DestinationError, Destination | FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const { newest } = yield* Destination
    const found = yield* once(expected)
    const now = yield* newest
    if (Option.isSome(now) && now.value.manifest.generation !== found.manifest.generation) {
      return yield* verify(expected)
    }
    return found
  })

const once = Effect.fn("Verify.once")(function* (expected: Expected) {
  const destination = yield* Destination
  const stored = yield* destination.newest
  if (Option.isNone(stored)) {
    const found = yield* destination.publishedAfter(0)
    return yield* new AppError({
      message:
        found.length === 0
          ? `nothing is published in ${destination.name}; give the place of an export`
          : `${destination.show(names.manifest)} is missing, but ${found.length} generations exist; restore it`,
      exitCode: found.length === 0 ? exitCodes.usage : exitCodes.disk
    })
  }
  const { manifest, sha256 } = stored.value
  const problems: Array<string> = []
  const kept = yield* keptManifests(stored.value, problems)
  for (const later of yield* destination.publishedAfter(manifest.generation)) {
    problems.push(
      `${homeOf(later)}: is newer than ${names.manifest}, which was restored to generation ${manifest.generation}`
    )
  }

  const named = new Map<string, string>()
  for (const { manifest: one } of kept) {
    for (const { file, form } of filesWithForm(one)) {
      const known = named.get(file.path)
      const measures = `${file.bytes} ${file.sha256} ${file.rows}`
      if (known !== undefined) {
        if (known !== measures) problems.push(`${file.path}: manifests disagree about its digest`)
        continue
      }
      named.set(file.path, measures)
      const actual = yield* Effect.scoped(Effect.flatMap(destination.fetch(file), (local) => measure(local, form)))
      const problem = differences(file, actual)
      if (problem !== "") problems.push(`${file.path}: ${problem}`)
    }
  }
  if (!(yield* destination.isLatestCurrent(manifest))) {
    problems.push(`${manifest.latest}: is not the current data; the next run repairs it`)
  }
  const copies = kept.map((one) => manifestPath(one.manifest.generation))
  const strange = strangers(yield* destination.entries, manifest, new Set([...named.keys(), ...copies]))
  const verified: Verified = {
    manifest,
    sha256,
    generations: kept.length,
    files: named.size,
    problems: [...problems, ...strange, ...unexpected(expected, manifest, kept)]
  }
  return verified
})

/** The manifests of all kept generations, newest first, as far as each matches the digest in the next one. */
const keptManifests = Effect.fnUntraced(function* (newest: StoredManifest, problems: Array<string>) {
  const destination = yield* Destination
  const kept = [newest]
  let should: { readonly generation: number; readonly sha256: string } | undefined = {
    generation: newest.manifest.generation,
    sha256: newest.sha256
  }
  for (let generation = newest.manifest.generation; generation >= newest.manifest.oldestKept; generation--) {
    const name = manifestPath(generation)
    const copy: Option.Option<StoredManifest> | string = yield* destination
      .manifestOf(generation)
      .pipe(Effect.catchTag("AppError", () => Effect.succeed("is damaged")))
    const isNewest = generation === newest.manifest.generation
    if (typeof copy === "string") problems.push(`${name}: ${copy}`)
    else if (Option.isNone(copy)) {
      problems.push(`${name}: is missing${isNewest ? "; the next run repairs it" : ""}`)
    } else if (should?.generation !== generation || should.sha256 !== copy.value.sha256) {
      problems.push(`${name}: does not match ${isNewest ? names.manifest : "the digest in the next manifest"}`)
    } else {
      if (!isNewest) kept.push(copy.value)
      should = copy.value.manifest.previous
      continue
    }
    // Manifests before a broken link cannot be proven, but must exist.
    should = isNewest ? newest.manifest.previous : undefined
  }
  return kept
})

/** The files of a manifest, those with rows with their format. */
const filesWithForm = ({ bookmark, files, quarantine, selection, tombstones }: Manifest) => {
  const all: Array<{ readonly file: PublishedFile | StateFile; readonly form?: Form }> = [
    ...files.map((file) => ({ file, form: selection })),
    ...tombstones.map((file) => ({ file, form: plain })),
    ...(quarantine === undefined ? [] : [{ file: quarantine, form: plain }]),
    ...(bookmark.index?.files ?? []).map((file) => ({ file }))
  ]
  return all
}

const differences = (file: PublishedFile | StateFile, actual: Effect.Success<ReturnType<typeof measure>>): string =>
  typeof actual === "string"
    ? actual
    : (["bytes", "sha256", "rows"] as const)
        .filter((name) => actual[name] !== undefined && file[name] !== actual[name])
        .map((name) => `${name} ${actual[name]} instead of ${file[name]}`)
        .join(", ")

/** What was not published; of a generation that was not, only its directory. */
const strangers = (
  entries: ReadonlyArray<string>,
  { generation, latest }: Manifest,
  named: ReadonlySet<string>
): ReadonlyArray<string> => {
  const known = new Set<string | undefined>([names.manifest, latest, ...named])
  const placeOf = (path: string) => path.split("/").slice(0, 2).join("/")
  const places = new Set([...named].map(placeOf))
  const found = entries
    .filter((path) => !known.has(path))
    .map((path) => (path.startsWith(`${names.generations}/`) && !places.has(placeOf(path)) ? placeOf(path) : path))
  return [...new Set(found)].map((path) => {
    const isUnfinished = path === homeOf(generation + 1)
    return `${path}: was not published; ${isUnfinished ? "a run was stopped before it committed it; the next run removes it" : "move it away"}`
  })
}

/** Deviations from what the operator recorded elsewhere. */
const unexpected = (
  { digest, generation }: Expected,
  manifest: Manifest,
  kept: ReadonlyArray<StoredManifest>
): ReadonlyArray<string> => {
  if (Option.exists(generation, (least) => manifest.generation < least)) {
    return [`${names.manifest}: is of generation ${manifest.generation}, but a later one was expected`]
  }
  if (Option.isNone(digest)) return []
  const candidates = Option.match(generation, {
    onNone: () => kept,
    onSome: (number) => kept.filter((one) => one.manifest.generation === number)
  })
  if (candidates.some(({ sha256 }) => sha256 === digest.value)) return []
  return Option.match(generation, {
    onNone: () => [`${names.manifest}: no kept generation has the expected digest`],
    onSome: (number) => [
      candidates.length === 0
        ? `${homeOf(number)}: is no longer kept, so its digest cannot be compared; record the digest of a newer one`
        : `${homeOf(number)}/${names.manifest}: does not have the expected digest`
    ]
  })
}

/**
 * A bucket of an object store as a destination.
 *
 * A run works in a local directory and sends what it publishes; what it needs of earlier generations it downloads. Beside
 * what is published, hidden keys belong to runs: `.lease.json`, `.note`, and `.probe-<run>` for a moment.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { createHash, randomBytes } from "node:crypto"
import { measure } from "../../files/Measure.ts"
import { S3Client } from "../../s3/S3Client.ts"
import { orAppError, S3Error } from "../../s3/S3Error.ts"
import { format } from "../../s3/S3Location.ts"
import { type Destination, type DestinationError, MAX_NOTE } from "../Destination.ts"
import * as Directory from "../Directory.ts"
import { homeOf, manifestPath, names } from "../Layout.ts"
import * as Lock from "../Lock.ts"
import type { Manifest, PublishedFile, StateFile } from "../Manifest.ts"
import * as Staging from "../Staging.ts"
import { commitToStore, reconcileStore } from "./commitToStore.ts"
import * as conditionalWrites from "./conditionalWrites.ts"
import * as Lease from "./Lease.ts"
import * as StoreContents from "./StoreContents.ts"

/** What the destination of a bucket needs to know. */
export interface ObjectStoreOptions {
  /** The local directory in which runs work, and from which they resume; a temporary one if undefined. */
  readonly workDirectory: string | undefined
  /** The time without renewal after which a run loses the lease. */
  readonly takeOverAfter: Duration.Duration
}

/** Makes the destination of the client's location; nothing is read or written yet. */
export const make = Effect.fnUntraced(function* ({
  takeOverAfter,
  workDirectory
}: ObjectStoreOptions): Effect.fn.Return<
  Destination["Service"],
  DestinationError,
  FileSystem.FileSystem | Path.Path | S3Client | Scope.Scope
> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const s3 = yield* S3Client
  const context = Context.make(FileSystem.FileSystem, fs).pipe(Context.add(Path.Path, path), Context.add(S3Client, s3))
  const provided = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.provideContext(orAppError(self), context)
  const name = format(s3.location)
  // Destinations that share a work directory must not resume from each other's checkpoints.
  const ours = `s3-${createHash("sha256").update(name).digest("hex").slice(0, 16)}`
  const scope = yield* Effect.scope
  const temporary = Scope.provide(fs.makeTempDirectoryScoped({ prefix: "hb-sessions-export-" }), scope)
  // Made by the first run; commands that only read need none.
  const root = yield* Effect.cached(
    workDirectory === undefined ? temporary : Effect.succeed(path.join(workDirectory, ours))
  )

  const begin = Effect.gen(function* () {
    const directory = yield* root
    yield* Directory.checkWritable(directory)
    yield* Directory.make(directory)
    yield* Lock.acquire(directory, takeOverAfter)
    const staging = yield* Staging.fence(directory)
    yield* Lease.acquire({ run: staging.id, takeOverAfter })
    yield* conditionalWrites.check(staging.id)
    return staging
  })

  const recover = Effect.gen(function* () {
    const stored = yield* StoreContents.published
    if (Option.isSome(stored)) yield* reconcileStore(stored.value)
    return stored
  })

  const fetch = Effect.fnUntraced(function* ({ bytes, path: key }: PublishedFile | StateFile) {
    const directory = yield* fs.makeTempDirectoryScoped({ prefix: "hb-sessions-export-" })
    const file = path.join(directory, path.basename(key))
    const download = (size: number) => s3.download(key, file, { bytes: size })
    yield* download(bytes).pipe(
      // Of another size than it should be: the caller compares its digest, and reports it.
      Effect.catchIf(
        (error) => error instanceof S3Error && error.reason._tag === "Unexpected",
        (error) =>
          Effect.flatMap(s3.head(key), (found) =>
            Option.exists(found, ({ size }) => size !== bytes)
              ? download(Option.getOrThrow(found).size)
              : Effect.fail(error)
          )
      ),
      Effect.catchReason("S3Error", "NotFound", () => fs.remove(file, { force: true }))
    )
    return file
  })

  const isLatestCurrent = Effect.fnUntraced(function* ({ files, latest }: Manifest) {
    const newest = files.at(-1)
    if (latest === undefined || newest === undefined) return true
    const actual = yield* measure(yield* fetch({ ...newest, path: latest }))
    return typeof actual !== "string" && actual.sha256 === newest.sha256
  }, Effect.scoped)

  const contents = provided(StoreContents.list)

  return {
    name,
    id: name,
    show: (published) => format(s3.location, published),
    check: provided(Effect.andThen(s3.get(Lease.LEASE), conditionalWrites.check(randomBytes(8).toString("hex")))),
    begin: provided(begin),
    recover: () => provided(recover),
    published: provided(StoreContents.published),
    newest: provided(
      Effect.map(
        StoreContents.read(names.manifest),
        Option.map(({ stored }) => stored)
      )
    ),
    manifestOf: (generation) =>
      provided(
        Effect.map(
          StoreContents.read(manifestPath(generation)),
          Option.map(({ stored }) => stored)
        )
      ),
    generations: Effect.map(contents, ({ keys }) =>
      [...new Set(keys.map(({ generation }) => generation))].toSorted((a, b) => a - b)
    ),
    publishedAfter: (generation) => Effect.map(contents, ({ committed }) => committed.filter((n) => n > generation)),
    newHome: (staging, generation) => `${homeOf(generation)}/${staging.id}`,
    fetch: (file) => provided(fetch(file)),
    commit: (staging, next) => provided(commitToStore(staging, next)),
    isLatestCurrent: (manifest) => provided(isLatestCurrent(manifest)),
    entries: provided(
      Effect.map(Stream.runCollect(s3.list("")), (found) =>
        Array.from(found, ({ key }) => key).filter((key) => !key.startsWith("."))
      )
    ),
    note: {
      read: provided(
        Effect.map(
          s3.get(names.note, { maxBytes: MAX_NOTE }),
          Option.map(({ body }) => new TextDecoder().decode(body))
        )
      ),
      write: (text) => provided(Effect.asVoid(s3.put(names.note, text))),
      remove: provided(s3.remove([names.note]))
    },
    unfinished:
      workDirectory === undefined
        ? Effect.succeed([])
        : provided(
            Effect.flatMap(root, (directory) =>
              Effect.map(Directory.list(directory), (found) =>
                found.filter((each) => each.startsWith(names.staging)).map((each) => path.join(directory, each))
              )
            )
          )
  }
})

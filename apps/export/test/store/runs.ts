/**
 * Runs of the export's job in this process, and what a reader finds in a bucket.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ConfigProvider, Effect, Exit, Cause, Layer, Option, References, Schema, Stream } from "effect"
import { createHash } from "node:crypto"
import * as ExportJob from "../../src/ExportJob.ts"
import { Destination } from "../../src/publish/Destination.ts"
import { filesOf, ManifestJson } from "../../src/publish/Manifest.ts"
import { S3Client } from "../../src/s3/S3Client.ts"
import { withClient } from "../../src/settings/environment.ts"
import { readSettings } from "../../src/settings/readSettings.ts"
import { transport } from "../../src/settings/transport.ts"
import type { TestStore } from "./stores.ts"

const LEASE = ".lease.json"

/** Changes what a destination does. */
export type Change = (real: Destination["Service"]) => Destination["Service"]

/** Where a run goes, and how. */
export interface Place {
  readonly store: TestStore
  /** The endpoint of a gate before the store; the store itself by default. */
  readonly through?: string
  readonly prefix: string
  readonly settings?: Readonly<Record<string, string>>
}

const environmentOf = ({ prefix, settings, store, through }: Place): Record<string, string> => ({
  ...(store.environment as Record<string, string>),
  AWS_ENDPOINT_URL_S3: through ?? store.endpoint,
  HB_SESSIONS_EXPORT_OUT: `s3://${store.bucket}/${prefix}`,
  ...settings
})

/** Provides what a run needs but for the API. */
const within = (env: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

/** One run of the job; the destination may be changed before. */
export const runJob = (place: Place, change: Change = (real) => real) =>
  Effect.gen(function* () {
    const { apiKey, url } = yield* Simulator
    const env = {
      ...environmentOf(place),
      HYPERBROWSER_API_KEY: apiKey,
      HYPERBROWSER_BASE_URL: url
    }
    const changed = Layer.effect(Destination, Effect.map(Destination, change))
    return yield* Effect.flatMap(readSettings, ExportJob.run).pipe(Effect.provide(changed), withClient({}), within(env))
  }).pipe(Effect.provide(NodeServices.layer), Effect.provideService(References.MinimumLogLevel, "None"))

/** The exit code of a run; undefined if it was interrupted. */
export const codeOf = (exit: Exit.Exit<unknown, unknown>): number | undefined => {
  if (Exit.isSuccess(exit)) return 0
  if (Cause.hasInterruptsOnly(exit.cause)) return undefined
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  return error instanceof AppError ? error.exitCode : 1
}

/** Reads and changes a bucket as another program would. */
export const withStore = <A, E>(place: Place, use: (s3: S3Client["Service"]) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    return yield* use(yield* S3Client)
  }).pipe(
    Effect.provide(
      S3Client.layer({ bucket: place.store.bucket, prefix: place.prefix }).pipe(
        Layer.provide(transport),
        Layer.provide(NodeServices.layer)
      )
    ),
    within(environmentOf({ ...place, through: place.store.endpoint })),
    Effect.orDie
  )

/** Lets the lease of a dead run be over. */
export const endLease = (place: Place) => withStore(place, (s3) => s3.remove([LEASE]))

/** What a reader finds. */
export interface Found {
  readonly generation: number
  /** What is not as it should be. */
  readonly problems: ReadonlyArray<string>
  /** The keys that the kept generations do not need, and the uploads that are left. */
  readonly left: ReadonlyArray<string>
  /** The digest of `sessions.csv`, and the one that it should have; undefined for none. */
  readonly latest: readonly [actual: string | undefined, expected: string | undefined]
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

/** Reads as a reader would who follows `manifest.json`, and looks for what is left over. */
export const find = (place: Place): Effect.Effect<Found> =>
  withStore(place, (s3) =>
    Effect.gen(function* () {
      const keys = Array.from(yield* Stream.runCollect(s3.list("")), ({ key }) => key)
      const uploads = Array.from(yield* Stream.runCollect(s3.listUploads("")), ({ key }) => `upload of ${key}`)
      const pointer = yield* s3.get("manifest.json")
      if (Option.isNone(pointer))
        return { generation: 0, problems: [], left: [...keys, ...uploads], latest: [undefined, undefined] }
      const decode = (body: Uint8Array) => Schema.decodeSync(ManifestJson)(new TextDecoder().decode(body))
      const manifest = decode(pointer.value.body)
      const problems: Array<string> = []
      const needed = new Set(["manifest.json", ...(manifest.latest === undefined ? [] : [manifest.latest])])
      for (let kept = manifest.oldestKept; kept <= manifest.generation; kept++) {
        const key = `generations/${String(kept).padStart(8, "0")}/manifest.json`
        needed.add(key)
        const copy = yield* s3.get(key)
        if (Option.isNone(copy)) {
          problems.push(`${key} is missing`)
          continue
        }
        for (const file of filesOf(decode(copy.value.body))) {
          needed.add(file.path)
          const found = yield* s3.get(file.path)
          if (!Option.exists(found, ({ body }) => sha256(body) === file.sha256))
            problems.push(`${file.path} is not whole`)
        }
      }
      const latest = manifest.latest === undefined ? Option.none() : yield* s3.get(manifest.latest)
      return {
        generation: manifest.generation,
        problems,
        left: [...keys.filter((key) => !needed.has(key)), ...uploads],
        latest: [
          Option.getOrUndefined(Option.map(latest, ({ body }) => sha256(body))),
          manifest.latest === undefined ? undefined : manifest.files.at(-1)?.sha256
        ] as const
      }
    })
  )

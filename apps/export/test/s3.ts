/**
 * A client of an object store for tests.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Transport from "@hb-sessions/app-kit/Transport"
import {
  type ObjectStoreOptions,
  type RunningObjectStore,
  startObjectStore
} from "@hb-sessions/object-store/ObjectStore"
import { ConfigProvider, Effect, Layer, type Scope } from "effect"
import type { FileSystem } from "effect/FileSystem"
import { createHash } from "node:crypto"
import { S3Client } from "../src/s3/S3Client.ts"
import type { S3Location } from "../src/s3/S3Location.ts"
import type { S3Limits } from "../src/s3/S3Settings.ts"

/** Where the objects of a test are. */
export interface Place {
  /** The variables that lead to the store. */
  readonly environment: Readonly<Record<string, string>>
  readonly location?: S3Location
  readonly limits?: Partial<S3Limits>
}

/** Waits that no test has to wait for. */
const QUICK: Partial<S3Limits> = { baseMillis: 1, maxDelayMillis: 10 }

/** Runs an effect with a client, which reads no other variables than these. */
export const withClient =
  ({ environment, limits, location = { bucket: "exports", prefix: "team" } }: Place) =>
  <A, E>(effect: Effect.Effect<A, E, S3Client | FileSystem>) =>
    Effect.provide(
      effect,
      S3Client.layer(location, { ...QUICK, ...limits }).pipe(
        Layer.provide(Transport.layerAs("test")),
        Layer.provideMerge(NodeServices.layer),
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(environment)))
      )
    )

/** The length and the digest of a content. */
export const measuresOf = (content: Uint8Array) => ({
  bytes: content.length,
  sha256: createHash("sha256").update(content).digest("hex")
})

/** What an effect fails with, by its reason; the tag of an error that has none. */
export const reasonOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error): string => {
    const { _tag, reason } = Object(error)
    return typeof reason === "object" ? reason._tag : String(_tag)
  })

/** A strict stand-in that ends with the scope. */
export const store = (options: ObjectStoreOptions = {}): Effect.Effect<RunningObjectStore, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => startObjectStore(options)),
    ({ stop }) => Effect.promise(stop)
  )

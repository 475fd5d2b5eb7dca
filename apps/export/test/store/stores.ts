/**
 * The stores that the tests of a bucket run against: a strict stand-in, and Ceph RGW where it is installed.
 */
import { AwsV4Signer } from "aws4fetch"
import { startRgw } from "@hb-sessions/object-store/Rgw"
import { type RunningObjectStore, startObjectStore } from "@hb-sessions/object-store/ObjectStore"
import { Effect, type Scope } from "effect"
import type * as Bin from "@hb-sessions/app-kit/Bin"

/** A store with a bucket. */
export interface TestStore {
  readonly endpoint: string
  readonly bucket: string
  /** The variables that lead a program there. */
  readonly environment: Bin.Env
}

/** Starts the strict stand-in, whose lists come in pages of a few keys; ends with the scope. */
export const strict = (
  options: Parameters<typeof startObjectStore>[0] = {}
): Effect.Effect<TestStore & { readonly running: RunningObjectStore }, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => startObjectStore({ pageSize: 3, ...options })),
      ({ stop }) => Effect.promise(stop)
    ),
    (running) => ({
      endpoint: running.endpoint,
      bucket: "exports",
      environment: running.environment,
      running
    })
  )

/** Ceph RGW, with a bucket; ends with the scope. */
export const rgw: Effect.Effect<TestStore, never, Scope.Scope> = Effect.gen(function* () {
  const { endpoint, environment } = yield* Effect.acquireRelease(Effect.promise(startRgw), ({ stop }) =>
    Effect.promise(stop)
  )
  const bucket = "exports"
  const signer = new AwsV4Signer({
    method: "PUT",
    url: `${endpoint}/${bucket}`,
    accessKeyId: environment["AWS_ACCESS_KEY_ID"] ?? "",
    secretAccessKey: environment["AWS_SECRET_ACCESS_KEY"] ?? "",
    region: "us-east-1",
    service: "s3"
  })
  const { headers, method, url } = yield* Effect.promise(() => signer.sign())
  const { status } = yield* Effect.promise(() => fetch(url, { method, headers }))
  if (status !== 200) return yield* Effect.die(new Error(`the bucket could not be made: HTTP ${status}`))
  return { endpoint, bucket, environment }
})

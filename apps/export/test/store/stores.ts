/**
 * The stores that the tests of a bucket run against: a strict stand-in, and Ceph RGW where it is installed.
 */
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

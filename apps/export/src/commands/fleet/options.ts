/**
 * What the commands of `fleet` share: their flags, the database, and which accounts they are for.
 */
import * as Accounts from "@hb-sessions/app-kit/Accounts"
import type { AppError } from "@hb-sessions/app-kit/AppError"
import * as OutputFile from "@hb-sessions/app-kit/OutputFile"
import type { Given } from "@hb-sessions/app-kit/Setting"
import { configOf } from "@hb-sessions/core/SessionsConfig"
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import { Queue, type QueueError } from "../../fleet/Queue.ts"
import { checkFlags, databaseConfig, layerSettings } from "../../settings/configs.ts"
import { withLog } from "../../settings/environment.ts"
import { databaseSettings, fileSettings, fleetSettings, runSettings } from "../../settings/runSettings.ts"

const { logFormat } = runSettings

/** The settings that each of these commands has. */
export const sharedSettings = { ...databaseSettings, ...fleetSettings, logFormat }

/** As many statements as are asked at the same time. */
const CONNECTIONS = 4

/** Provides the queue of the settings, and the log. */
export const withQueue =
  (given: Given, isReader = false) =>
  <A, E, R>(
    self: Effect.Effect<A, E | QueueError, R>
  ): Effect.Effect<
    A,
    Exclude<E, QueueError> | AppError | Config.ConfigError,
    Exclude<R, Queue> | FileSystem.FileSystem
  > =>
    Effect.gen(function* () {
      yield* checkFlags(given)
      const queue = Queue.layer({
        ...(yield* databaseConfig),
        connections: CONNECTIONS,
        onError: () => {},
        role: isReader ? "reader" : "operator"
      })
      return yield* Effect.gen(function* () {
        const { problemOf } = yield* Queue
        return yield* Effect.catchIf(self, isOfQueue, (error) => Effect.fail(problemOf(error)))
      }).pipe(Effect.provide(queue))
    }).pipe(withLog(given), Effect.provide(layerSettings(given))) as never

const isOfQueue = (error: unknown): error is QueueError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "QueueError"

/** The names of the accounts file; undefined without one. */
export const namesOfFile = Effect.gen(function* () {
  const file = yield* configOf(fleetSettings.accounts)
  if (file === undefined) return undefined
  const accounts = yield* Accounts.read({ file, settings: fileSettings })
  return accounts.map(({ name }) => name)
})

/** Those of some names that `--only` names, in their order; all without it. Fails on one that there is not. */
export const chosen = Effect.fnUntraced(function* (names: ReadonlyArray<string>) {
  const only = yield* configOf(fleetSettings.only)
  return { names: [...(yield* Accounts.selectNames(names, only))], areNamed: only !== undefined }
})

/** Prints lines; a reader that goes away before their end, such as `head`, is no failure. */
export const print = (lines: ReadonlyArray<string>) =>
  Effect.scoped(
    Effect.flatMap(OutputFile.open("-"), ({ write }) => write(Stream.make(lines.map((line) => `${line}\n`).join(""))))
  )

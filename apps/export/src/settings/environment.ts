/**
 * The environment of a command: its settings, the client and the log.
 */
import { ApiKey } from "@hb-sessions/app-kit/ApiKey"
import type { AppError } from "@hb-sessions/app-kit/AppError"
import { clearTextWarning } from "@hb-sessions/app-kit/clearText"
import type { Given } from "@hb-sessions/app-kit/Setting"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import { baseUrl, clientConfigWithoutKey } from "@hb-sessions/core/SessionsConfig"
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Path from "effect/Path"
import { CurrentLogAnnotations } from "effect/References"
import { Admission } from "../operations/Admission.ts"
import type { Destination } from "../publish/Destination.ts"
import { rememberFormat } from "../reportFailure.ts"
import * as ServerClock from "../read/ServerClock.ts"
import { layerFlags, layerSettings, logFormat, checkFlags } from "./configs.ts"
import { layerDestination } from "./destination.ts"
import { readingTransport, transport } from "./transport.ts"

/** One line an entry, on stderr: stdout is data. With many accounts, the account comes before what is said of it. */
const text = Logger.withConsoleError(
  Logger.make(({ date, fiber, logLevel, message }) => {
    const { account } = fiber.getRef(CurrentLogAnnotations)
    const said = (Array.isArray(message) ? message : [message]).map(String).join(" ")
    return `${date.toISOString()} ${logLevel.toUpperCase()} ${typeof account === "string" ? `${account}: ` : ""}${said}`
  })
)

const layerLog = Layer.unwrap(
  Effect.map(logFormat, (format) => {
    rememberFormat(format)
    return Logger.layer([format === "json" ? Logger.withConsoleError(Logger.formatJson) : text])
  })
)

/** Provides the settings from flags, environment and file, and the log in the requested format. */
export const withSettings =
  (given: Given) =>
  <A, E, R>(
    self: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | AppError | Config.ConfigError, Exclude<R, Destination> | FileSystem.FileSystem | Path.Path> =>
    Effect.andThen(
      checkFlags(given),
      Effect.provide(
        self,
        layerDestination.pipe(Layer.provideMerge(layerLog), Layer.provideMerge(layerSettings(given)))
      )
    )

/** Provides the log in the requested format, to what works for many accounts. */
export const withLog =
  (given: Given) =>
  <A, E, R>(
    self: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | AppError | Config.ConfigError, R | FileSystem.FileSystem> =>
    Effect.provide(self, layerLog.pipe(Layer.provide(layerSettings(given))))

/** Provides the settings and the log as far as they are valid: for what is told of settings that are not. */
export const withUsableSettings =
  (given: Given) =>
  <A, R>(self: Effect.Effect<A, never, R>): Effect.Effect<A, never, R | FileSystem.FileSystem> =>
    Effect.provide(self, layerLog.pipe(Layer.provideMerge(layerSettings(given)))).pipe(
      Effect.catch(() => Effect.provide(self, Logger.layer([text]).pipe(Layer.provideMerge(layerFlags(given)))))
    )

const warnOfClearText = Layer.effectDiscard(
  Effect.gen(function* () {
    const warning = clearTextWarning(yield* baseUrl)
    if (warning !== undefined) yield* Effect.logWarning(warning)
  })
)

/** The client, with the key that a run began with: its pages should not come of two keys. */
const layerSessions = Layer.unwrap(
  Effect.gen(function* () {
    const { held } = yield* ApiKey
    const admission = yield* Admission
    const config = yield* clientConfigWithoutKey
    return SessionsClient.layerNoDeps({ ...config, apiKey: held, admit: admission(yield* baseUrl) })
  })
)

/** The client and what it is made of, for the key and the settings of the environment. */
const layerClient = layerSessions.pipe(
  Layer.provide(Layer.provide(ServerClock.layerListening, readingTransport)),
  Layer.provideMerge(ServerClock.ServerClock.layer),
  Layer.provideMerge(transport),
  Layer.provide(warnOfClearText)
)

/** Provides the settings, and the client for a key. */
export const withClientOf =
  (key: Layer.Layer<ApiKey, AppError | Config.ConfigError>) =>
  (given: Given) =>
  <A, E, R>(
    self: Effect.Effect<A, E, R>
  ): Effect.Effect<
    A,
    E | AppError | Config.ConfigError,
    | Exclude<Exclude<R, ApiKey | SessionsClient | ServerClock.ServerClock | HttpClient.HttpClient>, Destination>
    | FileSystem.FileSystem
    | Path.Path
  > =>
    Effect.provide(self, Layer.provideMerge(layerClient, key)).pipe(withSettings(given))

/** Provides the settings and the client. */
export const withClient = withClientOf(ApiKey.layerConfig)

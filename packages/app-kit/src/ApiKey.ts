/**
 * The API key of a running app.
 */
import { RejectedApiKey } from "@hb-sessions/core/RejectedApiKey"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { AppError, exitCodes } from "./AppError.ts"
import * as KeySource from "./KeySource.ts"

/** The variable that holds the key. */
export const variable = "HYPERBROWSER_API_KEY"

/** The variable that names a file with the key. */
export const fileVariable = "HYPERBROWSER_API_KEY_FILE"

const FROM_DASHBOARD = "a key from the Hyperbrowser dashboard"

const missing = new AppError({
  message: `no API key: set ${variable} to ${FROM_DASHBOARD}, or ${fileVariable} to a file that holds one`,
  exitCode: exitCodes.auth
})

const blank = new AppError({
  message: `${variable} is blank: set it to ${FROM_DASHBOARD}`,
  exitCode: exitCodes.auth
})

/**
 * The source that the variables name; none without one.
 *
 * Fails when both are set, as it would not be clear which is meant. An empty variable is none.
 */
export const configured: Effect.Effect<Option.Option<KeySource.KeySource>, AppError | Config.ConfigError> = Effect.gen(
  function* () {
    const key = yield* Config.option(Config.Redacted(variable))
    const file = yield* Config.option(Config.NonEmptyString(fileVariable))
    if (Option.isSome(key) && Option.isSome(file)) {
      return yield* new AppError({
        message: `both ${variable} and ${fileVariable} are set; unset one of them`,
        exitCode: exitCodes.usage
      })
    }
    if (Option.isSome(file)) return Option.some(KeySource.fromFile(fileVariable, file.value))
    return Option.map(key, (value) => {
      // White space around a key often comes from a file.
      const trimmed = Redacted.make(Redacted.value(value).trim(), { label: "api-key" })
      return Redacted.value(trimmed) === "" ? KeySource.failing(variable, blank) : KeySource.fixed(variable, trimmed)
    })
  }
)

/** The API key, once it was read. */
export class ApiKey extends Context.Service<
  ApiKey,
  {
    /** What people know its source by. */
    readonly name: string
    /** The key as it is now: its file is read again if a second has passed. */
    readonly current: Effect.Effect<Redacted.Redacted>
    /**
     * The key that `current` gave last, until a server rejects it: for reads of several pages, which should not mix two
     * keys.
     */
    readonly held: Effect.Effect<Redacted.Redacted>
    /** The keys that were in use, newest first; at most 8. */
    readonly known: () => ReadonlyArray<Redacted.Redacted>
  }
>()("@hb-sessions/app-kit/ApiKey") {
  /** The key of a source; fails at once if there is none. */
  static readonly layer = (source: KeySource.KeySource): Layer.Layer<ApiKey, AppError> =>
    Layer.effect(
      ApiKey,
      Effect.gen(function* () {
        let last = yield* source.read
        // A source fails only until it has given a key.
        const current = source.read.pipe(
          Effect.orDie,
          Effect.tap((key) =>
            Effect.sync(() => {
              last = key
            })
          )
        )
        const held = Effect.flatMap(RejectedApiKey, (rejected) =>
          rejected === undefined ? Effect.succeed(last) : current
        )
        return ApiKey.of({ name: source.name, current, held, known: source.known })
      })
    )

  /** The key of the variables. */
  static readonly layerConfig = Layer.unwrap(
    Effect.map(configured, (source) =>
      ApiKey.layer(Option.getOrElse(source, () => KeySource.failing(variable, missing)))
    )
  )
}

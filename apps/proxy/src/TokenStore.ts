/**
 * The tokens of a running server, read again whenever their file changes.
 */
import type * as AppError from "@hb-sessions/app-kit/AppError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { anonymous, type Authenticate, authenticator } from "./Token.ts"
import * as TokensFile from "./TokensFile.ts"

const POLL = "500 millis"

/** Knows the clients. */
export class TokenStore extends Context.Service<
  TokenStore,
  {
    /** Synchronous, so that a cached answer needs no fiber. */
    readonly authenticate: Authenticate
    /** Whether a request without a credential is welcome. */
    readonly isOpen: boolean
  }
>()("@hb-sessions/proxy/TokenStore") {
  /**
   * The tokens of a file.
   *
   * **Details**
   *
   * A change is noticed within half a second. A file that became unusable is reported once, and what was read before
   * stays in force: removing the file does not open the proxy, and does not lock everybody out.
   */
  static readonly layerFile = (file: string): Layer.Layer<TokenStore, AppError.AppError, FileSystem.FileSystem> =>
    Layer.effect(
      TokenStore,
      Effect.gen(function* () {
        let seen = yield* Effect.orElseSucceed(TokensFile.fingerprint(file), () => "")
        let authenticate = authenticator(yield* TokensFile.read(file))
        const look = Effect.gen(function* () {
          const found = yield* Effect.orElseSucceed(TokensFile.fingerprint(file), () => "missing")
          if (found === seen) return
          seen = found
          authenticate = authenticator(yield* TokensFile.read(file))
          yield* Effect.logInfo("tokens reloaded")
        })
        yield* look.pipe(
          Effect.catch((error) => Effect.logError(`${error.message}; the tokens read before stay in force`)),
          Effect.repeat(Schedule.spaced(POLL)),
          Effect.forkScoped
        )
        return TokenStore.of({ authenticate: (credential, now) => authenticate(credential, now), isOpen: false })
      })
    )

  /** No tokens: everybody is the same client. */
  static readonly layerOpen = Layer.succeed(TokenStore, { authenticate: () => anonymous, isOpen: true })
}

/**
 * Stores an API key.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import * as Api from "../../api/Api.ts"
import type { LoginInput } from "../../commands/auth/login.ts"
import { store } from "../../settings/credentials.ts"
import { load } from "../../settings/Profile.ts"
import { API_KEY, type Resolved, resolve } from "../../settings/Resolved.ts"
import { Talk } from "../../terminal/Talk.ts"

/** No key is longer; what comes from stdin may be anything. */
const MAX_KEY = 4096

export const login = Effect.fn("auth.login")(
  function* ({ skipCheck }: LoginInput) {
    const profile = yield* load({ mayBeNew: true })
    const key = yield* read
    if (!/^[\x21-\x7E]+$/.test(Redacted.value(key))) {
      return yield* new AppError({
        message: "no API key was given, or it holds blanks or characters that no key has; nothing was stored",
        exitCode: exitCodes.usage
      })
    }
    if (!skipCheck) yield* check(yield* resolve({}, { mayBeNew: true }), key)
    const file = yield* store(profile.name, key)
    const talk = yield* Talk
    yield* talk.say(`the key of the profile ${profile.name} is stored in ${file}`)
  },
  (effect) => Effect.provide(effect, Api.layerTerminal)
)

const read = Effect.gen(function* () {
  const stdio = yield* Stdio.Stdio
  if (yield* stdio.stdinIsTerminal) {
    const Prompt = yield* Effect.promise(() => import("effect/cli/Prompt"))
    const typed = yield* Prompt.run(Prompt.Hidden({ message: "API key (not shown):" })).pipe(
      Effect.catchIf(Terminal.isQuitError, () => Effect.interrupt)
    )
    return Redacted.make(Redacted.value(typed).trim(), { label: "api-key" })
  }
  const text = yield* stdio.stdin.pipe(
    Stream.decodeText,
    Stream.runFold(
      () => "",
      (all, part) => (all.length > MAX_KEY ? all : all + part)
    )
  )
  return Redacted.make(text.trim(), { label: "api-key" })
})

/** Asks for the first page with the new key; a key that is refused is not stored. */
const check = (resolved: Resolved, key: Redacted.Redacted) => {
  const provider = ConfigProvider.orElse(
    ConfigProvider.fromUnknown({ [API_KEY]: Redacted.value(key) }),
    resolved.provider
  )
  const candidate: Resolved = { ...resolved, provider, isKeyAstray: false, key: { source: "typed", value: key } }
  return SessionsClient.use((client) => client.getPage({})).pipe(
    Effect.provide(Api.layerResolved(candidate)),
    Effect.catchReason(
      "SessionsError",
      "Unauthorized",
      ({ detail, status }) =>
        new AppError({
          message: `the key that was given is rejected${status === undefined ? "" : ` (HTTP ${status})`}${detail === "" ? "" : `: ${detail}`}; nothing was stored; copy it again from the Hyperbrowser dashboard`,
          exitCode: exitCodes.auth
        })
    )
  )
}

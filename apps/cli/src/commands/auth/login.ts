/**
 * `hb-sessions auth login`
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import * as KeySource from "@hb-sessions/app-kit/KeySource"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import { Diagnostics } from "../../output/Diagnostics.ts"
import { store } from "../../settings/credentials.ts"
import { load } from "../../settings/Profile.ts"
import { type Resolved, resolve } from "../../settings/Resolved.ts"
import { usage } from "../../settings/usage.ts"

/** No key is longer; stdin may hold anything. */
const MAX_KEY = 4096

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

/** Requests the first page with the new key; a key that is rejected is not stored. */
const check = Effect.fnUntraced(function* (resolved: Resolved, key: Redacted.Redacted) {
  const { probe } = yield* Effect.promise(() => import("./probe.ts"))
  const from = KeySource.fixed("given", key)
  yield* probe({ ...resolved, isKeyAstray: false, key: { source: "typed", from } }).pipe(
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
})

export const login = Command.make(
  "login",
  {
    skipCheck: Flag.Boolean("skip-check").pipe(
      Flag.withDescription("Store the key without asking the API whether it is valid (default: ask)"),
      Flag.withDefault(false)
    )
  },
  Effect.fn("auth.login")(
    function* ({ skipCheck }) {
      const profile = yield* load({ mayBeNew: true })
      const key = yield* read
      if (!/^[\x21-\x7E]+$/.test(Redacted.value(key))) {
        return yield* usage("no API key was given, or it contains characters that no key has; nothing was stored")
      }
      if (!skipCheck) yield* check(yield* resolve({}, { mayBeNew: true }), key)
      const file = yield* store(profile.name, key)
      const diagnostics = yield* Diagnostics
      return yield* diagnostics.say(`the key of the profile ${profile.name} is stored in ${file}`)
    },
    (effect) => Effect.provide(effect, Diagnostics.layer)
  )
).pipe(
  Command.withDescription(
    "Store an API key for the profile. It is read from a prompt without echo, or from stdin, and kept in a file that only you can read."
  ),
  Command.withExamples([
    { command: "hb-sessions auth login", description: "Prompts for the key" },
    { command: "pass show hyperbrowser | hb-sessions auth login --profile work", description: "From a password store" }
  ])
)

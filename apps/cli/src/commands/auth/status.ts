/**
 * `hb-sessions auth status`
 */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { print } from "../../output/print.ts"
import { resolve } from "../../settings/Resolved.ts"

export const status = Command.make(
  "status",
  {},
  Effect.fn("auth.status")(function* () {
    const { probe } = yield* Effect.promise(() => import("./probe.ts"))
    const resolved = yield* resolve()
    const { key, origins, profile } = resolved
    const url = origins.find(({ name }) => name === "base_url")?.value ?? ""
    yield* probe(resolved)
    const source = key?.source === "environment" ? `from ${key.from.name}` : "stored"
    yield* print(`profile ${profile.name}: the key (${source}) is accepted by ${url}\n`)
  })
).pipe(
  Command.withDescription(
    "Show where the key comes from and whether the API accepts it, never the key itself; exits with 3 if not."
  ),
  Command.withExamples([{ command: "hb-sessions auth status --profile work", description: "Of another profile" }])
)

/**
 * Says where the key comes from and whether it is accepted.
 */
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as Effect from "effect/Effect"
import * as Api from "../../api/Api.ts"
import { print } from "../../output.ts"
import { API_KEY, resolve } from "../../settings/Resolved.ts"

export const status = Effect.fn("auth.status")(function* () {
  const resolved = yield* resolve()
  const { key, origins, profile } = resolved
  const url = origins.find(({ name }) => name === "base_url")?.value ?? ""
  yield* SessionsClient.use((client) => client.getPage({})).pipe(Effect.provide(Api.layerResolved(resolved)))
  const source = key?.source === "environment" ? `from ${API_KEY}` : "stored"
  yield* print(`profile ${profile.name}: the key (${source}) is accepted by ${url}\n`)
})

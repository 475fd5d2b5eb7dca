/**
 * Whether the API accepts a key.
 */
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as Effect from "effect/Effect"
import * as Api from "../../reading/Api.ts"
import type { Resolved } from "../../settings/Resolved.ts"

/** Requests the first page with the settings and the key of a run. */
export const probe = (resolved: Resolved) =>
  Effect.provide(
    SessionsClient.use((client) => client.getPage({})),
    Api.layerResolved(resolved)
  )

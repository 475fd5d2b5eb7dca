/**
 * What each request to the API waits for, beside the pace of its client: for a bound that several runs share.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Waits until a request to the API at this URL may be sent; at once by default. */
export const Admission = Context.Reference<(api: URL) => Effect.Effect<void>>("@hb-sessions/export/Admission", {
  defaultValue: () => () => Effect.void
})

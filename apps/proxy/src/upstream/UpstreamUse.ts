/**
 * What tokens cause at the upstream, told to the one who counts it.
 */
import * as Context from "effect/Context"

/** Owners are ids of tokens; one that is empty is that of no token. */
export interface UpstreamUse {
  /** A request was sent. */
  readonly requested: (owner: string) => void
  /** So many milliseconds were waited for a turn, whether or not it came. */
  readonly waited: (owner: string, millis: number) => void
}

/** Counts nothing unless it is provided. */
export const CurrentUpstreamUse = Context.Reference<UpstreamUse>("@hb-sessions/proxy/UpstreamUse", {
  defaultValue: () => ({ requested: () => {}, waited: () => {} })
})

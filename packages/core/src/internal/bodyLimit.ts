/**
 * What a client and its transport agree on about long bodies.
 */
import * as Context from "effect/Context"

/** Marks a response whose body is bounded already. */
export const isLimited = Symbol.for("@hb-sessions/core/limitBodies")

/** Longest body of a response, in bytes, for a transport that can stop reading; no limit by default. */
export const MaxBodyBytes = Context.Reference<number>("@hb-sessions/core/MaxBodyBytes", {
  defaultValue: () => Infinity
})

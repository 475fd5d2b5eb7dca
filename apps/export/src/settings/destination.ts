/**
 * The destination that `--out` names.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Destination } from "../publish/Destination.ts"
import * as LocalDirectory from "../publish/LocalDirectory.ts"
import { HEARTBEAT } from "../publish/Staging.ts"
import { configs, outConfig, usage } from "./configs.ts"

/** A busy machine may show activity late. */
const LEAST_SILENCE = 3 * Duration.toMillis(HEARTBEAT)

/** Provides the destination of `--out`. */
export const layerDestination = Layer.effect(
  Destination,
  Effect.gen(function* () {
    const out = yield* outConfig
    const takeOverAfter = yield* configs["take-over-after"]
    if (Duration.toMillis(takeOverAfter) < LEAST_SILENCE) {
      return yield* usage(
        `--take-over-after must be at least ${Duration.format(Duration.millis(LEAST_SILENCE))}: a run shows activity every ${Duration.format(HEARTBEAT)}, and would lose the lock while it works; give a longer time`
      )
    }
    return yield* LocalDirectory.make({ directory: out, takeOverAfter })
  })
)

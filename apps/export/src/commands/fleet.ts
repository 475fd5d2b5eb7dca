/**
 * `hb-sessions-export fleet`: what an operator asks of a fleet of workers.
 */
import * as Command from "effect/cli/Command"
import { fleetEnqueue, fleetRetry } from "./fleet/enqueue.ts"
import { fleetForget } from "./fleet/forget.ts"
import { fleetPause, fleetResume } from "./fleet/pause.ts"
import { fleetStatus } from "./fleet/status.ts"

export const fleet = Command.make("fleet").pipe(
  Command.withDescription(
    "Look at a fleet of workers, and have its accounts exported, retried, paused, resumed and forgotten."
  ),
  Command.withSubcommands([fleetStatus, fleetEnqueue, fleetRetry, fleetPause, fleetResume, fleetForget])
)

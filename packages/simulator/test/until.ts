/**
 * Waiting for what a simulator has counted.
 */
import { Effect, Schedule } from "effect"
import { Simulator } from "../src/Simulator.ts"
import type { StatsSnapshot } from "../src/Stats.ts"

/** Waits until the statistics are so, and returns them. */
export const until = (predicate: (stats: StatsSnapshot) => boolean) =>
  Effect.flatMap(Simulator, ({ stats }) =>
    stats.pipe(Effect.repeat({ until: predicate, schedule: Schedule.spaced("5 millis") }), Effect.timeout("20 seconds"))
  )

/**
 * What the environment can set for the tests of this package.
 */
import { Config, Schema } from "effect"

const Natural = Schema.NumberFromString.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(0))

/** The first scenario; each further one has the next number. */
export const seed = Config.schema(Natural, "HB_SESSIONS_SEED").pipe(Config.withDefault(1))

/** How many scenarios are read; the other properties take their share of it. */
export const worlds = Config.schema(Natural, "HB_SESSIONS_WORLDS").pipe(Config.withDefault(4000))

/**
 * What the environment can set for the tests of this package.
 */
import { Config, Schema } from "effect"

const Natural = Schema.NumberFromString.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(0))

/** The first scenario; each further one has the next number. */
export const seed = Config.schema(Natural, "HB_SESSIONS_SEED").pipe(Config.withDefault(1))

/** Whether there is time for much more of the same. */
export const isFull = process.env["HB_SESSIONS_TEST_FULL"] === "1"

/**
 * How many scenarios are read; the other properties take their share of it. Twice as many find no more of the rules that
 * `mutants` breaks: it takes 1826 scenarios, or 7689 histories, to meet the one that is hardest to notice.
 */
export const worlds = Config.schema(Natural, "HB_SESSIONS_WORLDS").pipe(Config.withDefault(isFull ? 20_000 : 2000))

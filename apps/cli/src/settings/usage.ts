/**
 * Mistakes on the command line.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import { nearest } from "@hb-sessions/core/nearest"

/** An error with exit code 2. */
export const usage = (message: string) => new AppError({ message, exitCode: exitCodes.usage })

/** The closest of the names, as `; did you mean "x"?`, or all of them when none is close. */
export const didYouMean = (given: string, names: ReadonlyArray<string>): string => {
  const best = nearest(given, names)
  return best === undefined ? `; there are ${names.join(", ")}` : `; did you mean ${JSON.stringify(best)}?`
}

/**
 * A mistake on the command line.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"

/** Fails with exit code 2. */
export const usage = (message: string) => new AppError({ message, exitCode: exitCodes.usage })

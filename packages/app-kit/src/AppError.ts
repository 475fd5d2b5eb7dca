/**
 * A failure as the person at the terminal sees it: one line and an exit code.
 */
import type * as Config from "effect/Config"
import type { PlatformError } from "effect/PlatformError"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import type { SessionsError, SessionsErrorReason } from "@hb-sessions/core/SessionsError"
import { configProblem } from "./configProblem.ts"

/** The exit codes of every app. 130 is an interruption, as shells have it. */
export const exitCodes = {
  unexpected: 1,
  usage: 2,
  auth: 3,
  unavailable: 4,
  unproven: 5,
  notFound: 6,
  invalidResponse: 7
} as const

/** A failure with a message for people: what happened, why, and what to do. */
export class AppError extends Schema.TaggedError<AppError>()("AppError", {
  message: Schema.String,
  exitCode: Schema.Int
}) {
  override readonly [Runtime.errorExitCode] = this.exitCode
  override readonly [Runtime.errorReported] = false
}

const codeOfReason: Record<SessionsErrorReason["_tag"], number> = {
  Unauthorized: exitCodes.auth,
  PaymentRequired: exitCodes.auth,
  InvalidRequest: exitCodes.usage,
  RateLimited: exitCodes.unavailable,
  UpstreamUnavailable: exitCodes.unavailable,
  UnexpectedResponse: exitCodes.invalidResponse,
  PaginationStuck: exitCodes.invalidResponse,
  PageMismatch: exitCodes.invalidResponse,
  InvalidResumeToken: exitCodes.usage
}

/** Every failure that an app may end with; `toAppError` gives each its line and its exit code. */
export type Failure = AppError | SessionsError | Config.ConfigError | PlatformError

/** The failure as it is shown. */
export const toAppError = (error: Failure): AppError => {
  switch (error._tag) {
    case "AppError":
      return error
    case "SessionsError":
      return new AppError({ message: error.message, exitCode: codeOfReason[error.reason._tag] })
    case "ConfigError":
      return fromConfigError(error)
    case "PlatformError":
      return new AppError({ message: error.message, exitCode: exitCodes.unexpected })
  }
}

const fromConfigError = (error: Config.ConfigError): AppError => {
  const { name, problem } = configProblem(error)
  return new AppError({
    message: `invalid configuration: ${name === undefined ? "" : `${name}: `}${problem}`,
    exitCode: exitCodes.usage
  })
}

/**
 * The exit codes, for cron, systemd and Kubernetes.
 */
import { AppError, exitCodes as shared } from "@hb-sessions/app-kit/AppError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { PlatformError } from "effect/PlatformError"

/** The exit codes of the export. A retry may help after 4, 69, 74, 75 and 143; the others need an operator. */
export const exitCodes = {
  ok: 0,
  unexpected: shared.unexpected,
  usage: shared.usage,
  auth: shared.auth,
  unavailable: shared.unavailable,
  unproven: shared.unproven,
  invalidResponse: shared.invalidResponse,
  /** The database of a fleet cannot be reached, or does not answer. */
  database: 69,
  disk: 74,
  locked: 75,
  interrupted: 130,
  stopped: 143
} as const

/** Fails with a one-line message and an exit code. */
export const fail = (exitCode: number, message: string): Effect.Effect<never, AppError> =>
  Effect.fail(new AppError({ message, exitCode }))

/** In the words of the operating system, such as `ENOSPC: no space left on device, write`. */
const diskError = ({ cause, message, reason }: PlatformError) => {
  const text = cause instanceof Error ? cause.message : message
  const place = reason._tag === "BadArgument" ? undefined : reason.pathOrDescriptor
  const where = typeof place !== "string" || text.includes(place) ? "" : ` ${place}`
  return new AppError({ message: `disk error: ${text}${where}`, exitCode: exitCodes.disk })
}

/**
 * Turns every failure of the file system into exit code 74.
 *
 * A file that cannot be closed is a defect of the runtime's file handles, although the disk failed.
 */
export const orDiskError = <A, E, R>(
  self: Effect.Effect<A, E | PlatformError, R>
): Effect.Effect<A, Exclude<E, PlatformError> | AppError, R> =>
  Effect.catchCause(self, (cause): Effect.Effect<never, Exclude<E, PlatformError> | AppError> => {
    const failure = Cause.squash(cause)
    if (failure instanceof PlatformError) return Effect.fail(diskError(failure))
    // No failure of the file system is left in it.
    return Effect.failCause(cause as Cause.Cause<Exclude<E, PlatformError>>)
  })

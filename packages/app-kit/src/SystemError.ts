/**
 * Failures of the operating system, in words for people.
 */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Predicate from "effect/Predicate"

/** A failed system call. */
export interface SystemError {
  /** As in `errno.h`, such as `ENOENT`; empty when the system did not say. */
  readonly code: string
  /** One line without the path, such as `ENOSPC: no space left on device`. */
  readonly message: string
}

/** Runs a call of `node:fs` that gives a promise. */
export const attempt = <A>(call: () => Promise<A>): Effect.Effect<A, SystemError> =>
  Effect.tryPromise({ try: call, catch: toSystemError })

/** What an error of Node says. */
export const toSystemError = (error: unknown): SystemError => {
  const code = Predicate.hasProperty(error, "code") && typeof error.code === "string" ? error.code : ""
  const text = error instanceof Error ? error.message : String(error)
  // Node adds the call and the path: `EACCES: permission denied, open '/etc/x'`.
  return { code, message: code === "" ? text : (/^[A-Z0-9]+: [^,]+/.exec(text)?.[0] ?? code) }
}

/** The failed system call behind an error of Effect's file system. */
export const fromPlatformError = ({ reason }: PlatformError): SystemError => toSystemError(reason.cause)

/** Why a file cannot be made, and what to do. */
export const makeProblem = ({ code, message }: SystemError): string => {
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return "its directory does not exist; make it first"
    case "EACCES":
    case "EPERM":
      return "this user may not write in its directory"
    default:
      return message
  }
}

const MOST_CAUSES = 8

/** The first code of an error and what caused it, such as `ECONNREFUSED`: messages may quote a URL. */
export const firstCode = (error: unknown): string | undefined => {
  for (let cause = error, depth = 0; Predicate.isObject(cause) && depth < MOST_CAUSES; depth++) {
    if (Predicate.hasProperty(cause, "code") && typeof cause.code === "string") return cause.code
    cause = Predicate.hasProperty(cause, "cause") ? cause.cause : undefined
  }
  return undefined
}

/** A path as it is shown: as it is, or quoted when it holds characters that a terminal would act on or hide. */
export const shownPath = (path: string): string =>
  /^[\x21-\x7E\u00A1-\uFFFF]+$/.test(path) ? path : JSON.stringify(path)

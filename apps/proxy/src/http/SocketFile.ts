/**
 * The Unix socket in the file system that a server listens on: made for one process, and removed with it.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import { attempt, makeProblem, shownPath } from "@hb-sessions/app-kit/SystemError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { chmod, lstat, rm } from "node:fs/promises"
import { connect } from "node:net"
import * as FileLock from "../access/FileLock.ts"

/** Where a socket is, and who may connect. */
export interface SocketFileOptions {
  readonly path: string
  /** Permissions; those who may write may connect. */
  readonly mode: number
}

/** Most bytes of a path that Linux has room for. */
const MAX_BYTES = 107

const problem = (path: string, text: string, exitCode: number = exitCodes.usage) =>
  new AppError({ message: `--socket ${shownPath(path)}: ${text}`, exitCode })

/**
 * Listens on a socket, `listen` being called with its path. Closing the server removes it.
 *
 * **Details**
 *
 * A socket that no process listens on, such as one of a process that was killed, is replaced; anything else at the path
 * is left as it is. A lock beside it keeps two processes from doing so at the same time.
 */
export const bound = Effect.fnUntraced(function* <E>(
  { mode, path }: SocketFileOptions,
  listen: (path: string) => Effect.Effect<void, E>
) {
  const bytes = Buffer.byteLength(path)
  if (bytes > MAX_BYTES) {
    return yield* problem(
      path,
      `the path has ${bytes} bytes, and a socket's may have ${MAX_BYTES}; choose a shorter one`
    )
  }
  if (path.includes("\0")) return yield* problem(path, "the path holds a NUL character")
  yield* Effect.gen(function* () {
    const name = `${path}.lock`
    yield* Effect.mapError(FileLock.acquire(name), ({ isHeld, problem: why }) => problem(isHeld ? name : path, why))
    yield* clear(path)
    yield* listen(path)
    yield* Effect.mapError(
      attempt(() => chmod(path, mode)),
      ({ message }) => problem(path, message)
    )
  }).pipe(Effect.scoped)
})

/** Removes a socket that no process listens on; fails on everything else. */
const clear = Effect.fnUntraced(function* (path: string) {
  const found = yield* attempt(() => lstat(path)).pipe(
    Effect.asSome,
    Effect.catch((error) =>
      error.code === "ENOENT" ? Effect.succeedNone : Effect.fail(problem(path, makeProblem(error)))
    )
  )
  if (Option.isNone(found)) return
  if (!found.value.isSocket()) {
    return yield* problem(path, "there is something else, which is no socket; remove it, or choose another path")
  }
  const code = yield* connection(path)
  if (code === undefined || code === "EAGAIN") {
    return yield* problem(
      path,
      "another process listens on it; stop that, or choose another path",
      exitCodes.unexpected
    )
  }
  if (code !== "ECONNREFUSED") {
    return yield* problem(path, `there is a socket, and it cannot be told whether it is in use (${code}); remove it`)
  }
  yield* Effect.mapError(
    attempt(() => rm(path)),
    (error) => problem(path, makeProblem(error))
  )
})

/** Connects, and closes; the code of the failure. */
const connection = (path: string): Effect.Effect<string | undefined> =>
  Effect.callback((resume) => {
    const socket = connect({ path })
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.undefined)
    })
    socket.once("error", (error: Error & { readonly code?: string }) => resume(Effect.succeed(error.code ?? "unknown")))
  })

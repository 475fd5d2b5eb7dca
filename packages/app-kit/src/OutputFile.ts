/**
 * Where a program puts its data when it is given the name of a file, whatever stands there.
 *
 * A regular file is replaced as a whole. A device, a FIFO, a socket or a descriptor of the process is written to, and
 * never replaced.
 */
import * as NodeSink from "@effect/platform-node/NodeSink"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { constants, createWriteStream, fstatSync, openSync, writeSync } from "node:fs"
import { open as openFile } from "node:fs/promises"
import { connect, Socket } from "node:net"
import type { Writable } from "node:stream"
import { AppError, exitCodes } from "./AppError.ts"
import * as AtomicFile from "./AtomicFile.ts"
import * as FileTarget from "./FileTarget.ts"
import { attempt, fromPlatformError, shownPath, type SystemError, toSystemError } from "./SystemError.ts"

/** A place for data that is ready to be written, once. */
export interface OutputFile {
  /** Whether the file stays as it was until all is written. */
  readonly isAtomic: boolean
  /** Writes a stream to its end. Succeeds with false when a reader, such as `head`, went away before the end. */
  readonly write: <E, R>(text: Stream.Stream<string, E, R>) => Effect.Effect<boolean, E | AppError, R>
}

/** How a place is opened. */
export interface OpenOptions extends AtomicFile.WriteOptions {
  /** Runs when a FIFO has no reader, which is then waited for; without this, none is. */
  readonly onWait?: Effect.Effect<void>
}

/** How long a FIFO is waited on: a job in the night must end some time. */
const READER_WAIT_SECONDS = 60
const READER_POLL_MILLIS = 100

/**
 * Opens what a name stands for; `-` is stdout.
 *
 * **Details**
 *
 * What cannot be written fails here, with the exit code of a usage error: call it before anything costs time. A FIFO is
 * waited on for a minute until it has a reader, if `onWait` is given. The end of the scope closes what was opened.
 */
export const open = Effect.fn("OutputFile.open")(function* (
  file: string,
  options: OpenOptions = {}
): Effect.fn.Return<OutputFile, AppError, Scope.Scope | Stdio.Stdio> {
  const stdio = yield* Stdio.Stdio
  if (file === "-") return toStdio(stdio.stdout(), "stdout")
  const target = yield* FileTarget.find(file)
  switch (target._tag) {
    case "Regular": {
      const { write } = yield* AtomicFile.prepareTarget(file, target, options)
      return { isAtomic: true, write: (text) => Effect.as(write(text), true) }
    }
    case "Descriptor": {
      if (target.number === 1) return toStdio(stdio.stdout(), "stdout")
      if (target.number === 2) return toStdio(stdio.stderr(), "stderr")
      return toWritable(yield* closing(openDescriptor(file, target.number)), file)
    }
    case "Special": {
      const { kind, path } = target
      const opened: Effect.Effect<Writable, SystemError> =
        kind === "FIFO" ? openFifo(path, options.onWait) : kind === "socket" ? openSocket(path) : openDevice(path)
      return toWritable(yield* closing(Effect.mapError(opened, (error) => cannotOpen(file, error))), file)
    }
  }
})

/** Fails as `open` would, and opens nothing that is not a regular file. */
export const check = (file: string): Effect.Effect<void, AppError> =>
  file === "-"
    ? Effect.void
    : Effect.flatMap(FileTarget.find(file), (target) =>
        target._tag === "Regular" ? Effect.scoped(Effect.asVoid(AtomicFile.prepareTarget(file, target))) : Effect.void
      )

const closing = <E>(opened: Effect.Effect<Writable, E>) =>
  Effect.acquireRelease(
    opened,
    (writable) =>
      Effect.sync(() => {
        // Node reports what is still queued as an error.
        writable.on("error", () => {})
        writable.destroy()
      }),
    // A FIFO without a reader can be waited for as long as people like.
    { interruptible: true }
  )

const toWritable = (writable: Writable, file: string): OutputFile =>
  toSink(NodeSink.fromWritable({ evaluate: () => writable, onError: toSystemError }), (error) => error, shownPath(file))

const toStdio = (sink: Sink.Sink<void, string, unknown, PlatformError>, name: string): OutputFile =>
  toSink(sink, fromPlatformError, name)

/** A failure of the sink, told from those of the stream. */
class NotWritten extends Data.TaggedError("NotWritten")<{ readonly error: SystemError }> {}

const toSink = <E>(
  sink: Sink.Sink<void, string, unknown, E>,
  systemError: (error: E) => SystemError,
  name: string
): OutputFile => {
  const marked = Sink.mapError(sink, (error) => new NotWritten({ error: systemError(error) }))
  return {
    isAtomic: false,
    write: <A, R>(text: Stream.Stream<string, A, R>) =>
      Stream.run(text, marked).pipe(
        Effect.as(true),
        Effect.catch((error): Effect.Effect<boolean, A | AppError> => {
          if (!(error instanceof NotWritten)) return Effect.fail(error)
          const { code, message } = error.error
          const failed = `${name} cannot be written: ${message}`
          return code === "EPIPE"
            ? Effect.succeed(false)
            : Effect.fail(new AppError({ message: failed, exitCode: exitCodes.unexpected }))
        })
      )
  }
}

const openDevice = (path: string) =>
  Effect.map(
    attempt(() => openFile(path, constants.O_WRONLY | constants.O_NOCTTY)),
    (handle): Writable => handle.createWriteStream()
  )

/** Never blocks a thread, which neither an interruption nor the end of the process could get out of. */
const openFifo = (path: string, onWait: Effect.Effect<void> | undefined) => {
  const opened = Effect.try({
    try: () => openSync(path, constants.O_WRONLY | constants.O_NONBLOCK),
    catch: toSystemError
  })
  const waited = Effect.retry(opened, {
    schedule: Schedule.spaced(READER_POLL_MILLIS),
    times: (READER_WAIT_SECONDS * 1000) / READER_POLL_MILLIS,
    while: isUnread
  })
  return opened.pipe(
    Effect.catchIf(isUnread, (error) => (onWait === undefined ? Effect.fail(error) : Effect.andThen(onWait, waited))),
    Effect.map((fd): Writable => new Socket({ fd, readable: false, writable: true }))
  )
}

const isUnread = ({ code }: SystemError): boolean => code === "ENXIO"

const openSocket = (path: string): Effect.Effect<Writable, SystemError> =>
  Effect.callback((resume) => {
    const socket = connect(path)
    const onError = (error: Error) => resume(Effect.fail(toSystemError(error)))
    socket.once("error", onError)
    socket.once("connect", () => {
      socket.off("error", onError)
      resume(Effect.succeed(socket))
    })
    return Effect.sync(() => socket.destroy())
  })

/** A descriptor that the process was started with, such as that of `>(gzip > x.gz)` in a shell. */
const openDescriptor = (file: string, fd: number): Effect.Effect<Writable, AppError> =>
  Effect.try({
    try: () => {
      const stats = fstatSync(fd)
      // Fails when it is open for reading only.
      writeSync(fd, "")
      return stats.isFIFO() || stats.isSocket()
        ? new Socket({ fd, readable: false, writable: true })
        : createWriteStream("", { fd, autoClose: false })
    },
    catch: (error) => {
      const { code, message } = toSystemError(error)
      return FileTarget.unwritable(file, code === "EBADF" ? `descriptor ${fd} is not open for writing` : message)
    }
  })

const cannotOpen = (file: string, { code, message }: SystemError): AppError => {
  switch (code) {
    case "EACCES":
      return FileTarget.unwritable(file, "this user may not write it")
    case "ENXIO":
      return FileTarget.unwritable(file, "no program reads it; start its reader first")
    case "ECONNREFUSED":
      return FileTarget.unwritable(file, "no program listens on this socket")
    default:
      return FileTarget.unwritable(file, message)
  }
}

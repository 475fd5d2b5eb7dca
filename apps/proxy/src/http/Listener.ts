/**
 * Node's HTTP server, with a start that reports its errors and a stop that loses no request.
 */
import * as AppError from "@hb-sessions/app-kit/AppError"
import { shownPath } from "@hb-sessions/app-kit/SystemError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http"
import type { Socket } from "node:net"
import type { Ended } from "./ConnectionLog.ts"
import { maxHeaderBytes } from "./RequestValidation.ts"
import type { Outbox } from "./Outbox.ts"
import * as Pipeline from "./Pipeline.ts"
import * as Problem from "./Problem.ts"
import * as SocketFile from "./SocketFile.ts"

/** Where connections are accepted. */
export type Address = { readonly host: string; readonly port: number } | SocketFile.SocketFileOptions

/** How connections are treated. */
export interface ListenerOptions {
  readonly at: Address
  /** Longest time for a request to arrive. */
  readonly headerTimeout: Duration.Duration
  /** Longest time in which a client neither reads nor sends; however long its answer takes to make does not count. */
  readonly clientTimeout: Duration.Duration
  readonly keepAlive: Duration.Duration
  readonly maxConnections: number
  /** What waits for clients. */
  readonly outbox: Outbox
  /** How long new connections are accepted after the stop began. */
  readonly drain: Duration.Duration
  /** How long requests may take to finish after that. */
  readonly grace: Duration.Duration
  /** Called for each connection that is ended for what was sent on it, or for what was not. */
  readonly onEnded: (connection: Ended) => void
  /** Called when the stop begins. */
  readonly onDrain: () => void
  /** Called when nothing is accepted any more. */
  readonly onShut: () => void
}

/** A server that listens. */
export interface Listener {
  /** The path of a Unix socket. */
  readonly url: string
  readonly connections: () => number
}

/** What a connection is used for. */
interface Use {
  readonly openedAt: number
  requests: number
  busy: number
  pipeline: Pipeline.Pipeline | undefined
  readonly onAnswered: () => void
}

const CHECK_MILLIS = 25
/** How long a connection that was just made is waited for. */
const NEW_MILLIS = 1000
const SECOND = 1000
/** First and later silence after which the kernel asks whether the client is still there. */
const PROBE_MILLIS = 30_000

/**
 * Listens, and stops when the scope closes.
 *
 * **Details**
 *
 * The stop has three steps. While it drains, connections are still accepted, and every answer asks its client to close:
 * so no client meets a closed door on a connection that it was using, and a balancer has time to look at `/readyz`. It
 * is left out when no client is connected. Then nothing is accepted any more, and what is under way may finish. Then what
 * is left is cut.
 */
export const listen = (
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  options: ListenerOptions
): Effect.Effect<Listener, AppError.AppError, Scope.Scope> =>
  Effect.gen(function* () {
    const server = createServer({
      maxHeaderSize: maxHeaderBytes,
      // The form of the request tells, with a problem.
      requireHostHeader: false,
      // A request without a body needs no stream that tells so.
      optimizeEmptyRequests: true,
      headersTimeout: Duration.toMillis(options.headerTimeout),
      requestTimeout: Duration.toMillis(options.headerTimeout),
      connectionsCheckingInterval: Math.min(SECOND, Duration.toMillis(options.headerTimeout)),
      keepAliveTimeout: Duration.toMillis(options.keepAlive),
      // Nothing is written while a sum is being made: it may be for a client that has vanished.
      keepAlive: true,
      keepAliveInitialDelay: PROBE_MILLIS
    })
    // Node would drop further headers silently; their number is checked with the rest of the form.
    server.maxHeadersCount = 0
    server.maxConnections = options.maxConnections
    server.timeout = Duration.toMillis(options.clientTimeout)
    const sockets = new Map<Socket, Use>()
    server.on("connection", (socket: Socket) => {
      const use: Use = {
        openedAt: performance.now(),
        requests: 0,
        busy: 0,
        pipeline: undefined,
        onAnswered: () => {
          use.busy -= 1
          use.pipeline?.next()
        }
      }
      use.pipeline = Pipeline.install(socket, {
        isBusy: () => use.busy > 0,
        onHeld: (bytes) => options.outbox.hold(socket, bytes)
      })
      sockets.set(socket, use)
      socket.once("close", () => {
        sockets.delete(socket)
        options.outbox.forget(socket)
      })
    })
    server.on("timeout", (socket: Socket) => {
      const isBusy = (sockets.get(socket)?.busy ?? 0) > 0
      if (isBusy && socket.writableLength === 0) return void socket.setTimeout(server.timeout)
      if (isBusy) options.onEnded({ reason: "idle", address: socket.remoteAddress })
      socket.destroy()
    })
    const onRequest = (request: IncomingMessage, response: ServerResponse) => {
      const use = sockets.get(request.socket)
      if (use === undefined) return
      use.requests += 1
      use.busy += 1
      response.on("close", use.onAnswered)
      handler(request, response)
    }
    const rejectRaw = (socket: Socket | null, rejection: Problem.Rejection) => {
      if (socket === null || !socket.writable) return void socket?.destroy()
      const address = socket.remoteAddress
      const status = answerRaw(socket, rejection)
      options.onEnded({ reason: rejection.problem, address, ...(status === undefined ? {} : { status }) })
    }
    server.on("request", onRequest)
    // Without a listener Node would invite the body; a request with one is rejected for its form.
    server.on("checkContinue", onRequest)
    server.on("checkExpectation", (_request: IncomingMessage, response: ServerResponse) => {
      rejectRaw(response.socket, Problem.reject("expectation-failed", "the expectation cannot be met"))
    })
    // Without a listener Node closes such a connection without a word.
    server.on("connect", (_request: IncomingMessage, socket: Socket) => {
      // It has no listener any more, and nothing that is sent on it is of use.
      socket.on("error", () => socket.destroy())
      socket.setTimeout(SECOND, () => socket.destroy())
      socket.resume()
      const rejection = Problem.reject(
        "method-not-allowed",
        "this server opens no tunnels; it accepts GET, HEAD and OPTIONS"
      )
      sendRaw(socket, rejection, "allow: GET, HEAD, OPTIONS\r\n")
      options.onEnded({
        reason: rejection.problem,
        address: socket.remoteAddress,
        status: Problem.statusOf(rejection.problem)
      })
    })
    server.on("clientError", (error: Error & { readonly code?: string }, socket: Socket) => {
      if (error.code !== undefined && LEFT.has(error.code)) return void socket.destroy()
      rejectRaw(socket, clientErrorProblem(error.code))
    })
    server.on("drop", (connection) => {
      options.onEnded({ reason: "too-many-connections", address: connection?.remoteAddress })
    })
    const { at } = options
    yield* Effect.acquireRelease(
      "path" in at ? SocketFile.bound(at, (path) => bindSocket(server, path)) : bind(server, at),
      () => stop(server, sockets, options)
    )
    return { url: urlOf(server), connections: () => sockets.size }
  })

/** Listens; fails with what `problem` makes of the code of an error. */
const bindTo = (
  server: Server,
  address: { readonly host: string; readonly port: number } | { readonly path: string },
  problem: (code: string) => string
): Effect.Effect<void, AppError.AppError> =>
  Effect.callback((resume) => {
    const onError = (error: Error & { readonly code?: string }) => {
      const message = problem(error.code ?? "unknown error")
      resume(Effect.fail(new AppError.AppError({ message, exitCode: AppError.exitCodes.unexpected })))
    }
    server.once("error", onError)
    server.listen({ ...address, backlog: 1024 }, () => {
      server.off("error", onError)
      resume(Effect.void)
    })
  })

const bind = (server: Server, address: { readonly host: string; readonly port: number }) =>
  bindTo(
    server,
    address,
    (code) => `cannot listen on ${address.host}:${address.port} (${code}); choose another port, or 0 for a free one`
  )

const bindSocket = (server: Server, path: string) =>
  bindTo(server, { path }, (code) => `--socket ${shownPath(path)}: cannot listen on it (${code}); choose another path`)

const urlOf = (server: Server): string => {
  const address = server.address()
  if (address === null || typeof address === "string") return String(address)
  return `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`
}

const stop = (server: Server, sockets: ReadonlyMap<Socket, Use>, options: ListenerOptions): Effect.Effect<void> =>
  Effect.gen(function* () {
    options.onDrain()
    if (sockets.size > 0) yield* Effect.sleep(options.drain)
    const closed = Effect.callback<void>((resume) => {
      // A connection that is busy now would be kept after its answer: it is closed as soon as it is idle.
      const timer = setInterval(() => {
        const now = performance.now()
        for (const [socket, { busy, openedAt, requests }] of sockets) {
          if (busy === 0 && (requests > 0 || now - openedAt > NEW_MILLIS)) socket.destroySoon()
        }
      }, CHECK_MILLIS)
      // In this phase of the loop all connections that had been made have been accepted: those that are still in the
      // kernel's queue when it shuts are reset.
      setImmediate(() =>
        server.close(() => {
          clearInterval(timer)
          resume(Effect.void)
        })
      )
    })
    const closing = yield* Effect.forkChild(closed)
    options.onShut()
    yield* Effect.timeoutOption(Fiber.join(closing), options.grace)
    server.closeAllConnections()
    // What was cut must be in the log.
    yield* Fiber.join(closing)
  })

const clientErrorProblem = (code: string | undefined): Problem.Rejection => {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return Problem.reject("headers-too-large", `the headers are larger than ${maxHeaderBytes} bytes`)
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return Problem.reject("request-timeout", "the request did not arrive in time")
    default:
      return Problem.reject("malformed-request", "this is not an HTTP/1.1 request")
  }
}

/** Errors of connections whose clients are gone. */
const LEFT: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT"])

/** Answers where there is no request that could be answered, and closes; the status, if an answer could be given. */
const answerRaw = (socket: Socket, rejection: Problem.Rejection): number | undefined => {
  if (socket.bytesWritten > 0) {
    socket.destroy()
    return undefined
  }
  sendRaw(socket, rejection)
  return Problem.statusOf(rejection.problem)
}

/** Writes a whole answer, and closes. */
const sendRaw = (socket: Socket, rejection: Problem.Rejection, headers = ""): void => {
  const status = Problem.statusOf(rejection.problem)
  const id = "none"
  const body = Problem.body(rejection, id)
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nx-request-id: ${id}\r\ncontent-type: ${Problem.contentType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}connection: close\r\n\r\n${body}`
  )
}

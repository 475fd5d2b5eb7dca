/**
 * Node's own HTTP client as a dispatcher of `UndiciHttpClient`: undici itself takes longer to start.
 */
import type { HttpAgent } from "@effect/platform-node/NodeHttpClient"
import type { Dispatcher } from "@hb-sessions/core/UndiciHttpClient"
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http"

/** As much of undici's options as that client gives. */
interface DispatchOptions {
  readonly origin: string
  readonly path: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
}

interface Controller {
  readonly abort: (reason: Error) => void
}

/** As much of undici's handler as that client has. */
interface Handler {
  onRequestStart(controller: Controller): void
  onResponseStart(controller: Controller, status: number, headers: IncomingHttpHeaders): void
  onResponseData(controller: Controller, chunk: Uint8Array): void
  onResponseEnd(): void
  onResponseError(controller: Controller, cause: Error): void
}

// An `import` would read every export, and one of them loads the undici of Node, which takes 15 milliseconds.
const http = process.getBuiltinModule("node:http")
const https = process.getBuiltinModule("node:https")

/** Sends on the connections of the agents, which stay their owner's. */
export const makeNodeDispatcher = (agents: HttpAgent["Service"]): Dispatcher => {
  // A read asks one origin thousands of times.
  let known: Target | undefined
  return {
    dispatch({ headers, method, origin, path }: DispatchOptions, handler: Handler) {
      if (known?.origin !== origin) known = targetOf(origin)
      const { hostname, isSecure, port } = known
      const options = { hostname, port, path, method, headers }
      exchange(
        isSecure
          ? https.request({ ...options, agent: agents.https })
          : http.request({ ...options, agent: agents.http }),
        handler
      )
      return true
    }
  }
}

interface Target {
  readonly origin: string
  readonly isSecure: boolean
  readonly hostname: string
  /** Empty for that of the protocol. */
  readonly port: string
}

const targetOf = (origin: string): Target => {
  const { hostname, port, protocol } = new URL(origin)
  // In a URL an IPv6 address is in brackets.
  return { origin, isSecure: protocol === "https:", hostname: hostname.replace(/^\[(.*)\]$/, "$1"), port }
}

const exchange = (request: ClientRequest, handler: Handler): void => {
  const controller: Controller = { abort: (reason) => void request.destroy(reason) }
  let error: Error | undefined
  let answer: IncomingMessage | undefined
  let isComplete = false
  request.on("error", (cause) => {
    error ??= cause
  })
  request.on("response", (response) => {
    answer = response
    handler.onResponseStart(controller, response.statusCode ?? 0, response.headers)
    response.on("data", (chunk: Uint8Array) => handler.onResponseData(controller, chunk))
    // It is told by `errored` before it is told here.
    response.on("error", () => undefined)
    response.on("end", () => {
      isComplete = true
    })
  })
  request.on("upgrade", (_, socket) => {
    error = failure("the server asked for another protocol", "ERR_INVALID_PROTOCOL")
    socket.destroy()
  })
  // Right after it the connection is free, which the next request shall go on.
  request.on("close", () =>
    process.nextTick(() => {
      const cause = error ?? answer?.errored
      if (isComplete && !cause) handler.onResponseEnd()
      else handler.onResponseError(controller, cause ?? failure("the connection was closed", "ECONNRESET"))
    })
  )
  handler.onRequestStart(controller)
  request.end()
}

const failure = (message: string, code: string): Error => Object.assign(new Error(message), { code })

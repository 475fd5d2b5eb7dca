/**
 * The proxy as a running HTTP server.
 */
import * as AppError from "@hb-sessions/app-kit/AppError"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { QueryErrors } from "@hb-sessions/core/QueryErrors"
import type { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { createServer, type Server } from "node:http"
import { Api } from "./Api.ts"
import { errorBody } from "./errorResponse.ts"
import { handlers } from "./Handlers.ts"

/** Only this host, until clients have tokens of their own: whoever reaches the proxy uses the key. */
const HOST = "127.0.0.1"

const SHUTDOWN_TIMEOUT = "10 seconds"
const IDLE_CHECK_MILLIS = 25

const routes = Layer.mergeAll(
  HttpApiBuilder.layer(Api).pipe(Layer.provide(handlers), Layer.provide(QueryErrors.layer)),
  HttpRouter.add("*", "/*", Effect.succeed(errorBody(404, "not found: this proxy serves GET /api/sessions"))),
  HttpRouter.middleware(
    (app) =>
      Effect.catchDefect(app, (defect) =>
        Effect.as(
          Effect.logError("request failed unexpectedly", defect),
          errorBody(500, "unexpected error in the proxy")
        )
      ),
    { global: true }
  )
)

/** A connection that is busy at shutdown would be kept alive after its answer: close it as soon as it is idle. */
const closingServer = (): Server => {
  const server = createServer()
  const close = server.close.bind(server)
  server.close = (callback) => {
    const timer = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MILLIS)
    return close((error) => {
      clearInterval(timer)
      callback?.(error)
    })
  }
  return server
}

/** Starts the server and succeeds with its URL; closing the scope stops it after the requests in flight. */
export const start = (options: {
  readonly port: number
}): Effect.Effect<string, AppError.AppError, Scope.Scope | SessionsClient> =>
  HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
    Layer.provideMerge(
      NodeHttpServer.layer(closingServer, { port: options.port, host: HOST, gracefulShutdownTimeout: SHUTDOWN_TIMEOUT })
    ),
    Layer.build,
    Effect.map((context) => HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)),
    Effect.catchTag("ServeError", (error) => Effect.fail(listenError(error.cause, options.port)))
  )

const listenError = (cause: unknown, port: number): AppError.AppError => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error"
  return new AppError.AppError({
    message: `cannot listen on ${HOST}:${port} (${code}); choose another --port, or 0 for a free one`,
    exitCode: AppError.exitCodes.unexpected
  })
}

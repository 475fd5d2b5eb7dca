/**
 * The port of a worker that machines ask: `/metrics`, `/healthz` and `/readyz`.
 */
import * as Effect from "effect/Effect"
import { createServer, type Server } from "node:http"
import { usage } from "../settings/configs.ts"
import type { Reply } from "./WorkerStatus.ts"

export interface ListenerOptions {
  readonly host: string
  /** 0 for one that the system chooses. */
  readonly port: number
  /** Answers a request for a path. */
  readonly reply: (path: string) => Effect.Effect<Reply>
}

/** Connections that are open at the same time; more of them are closed at once. */
const MOST_CONNECTIONS = 64

/** How long a client may take to ask, in milliseconds. */
const ASK_WITHIN = 10_000

/** Listens until the scope ends; the URL. Fails with exit code 2 if the place cannot be listened at. */
export const listen = Effect.fn("Listener.listen")(function* ({ host, port, reply }: ListenerOptions) {
  const services = yield* Effect.context<never>()
  const answer = Effect.runForkWith(services)
  const server = createServer(
    { requestTimeout: ASK_WITHIN, headersTimeout: ASK_WITHIN, connectionsCheckingInterval: 1000 },
    (request, response) => {
      const isRead = request.method === "GET" || request.method === "HEAD"
      const path = (request.url ?? "").replace(/\?.*$/s, "")
      const replied: Effect.Effect<Reply> = isRead
        ? reply(path)
        : Effect.succeed({ status: 405, contentType: "text/plain; charset=utf-8", body: "only GET and HEAD\n" })
      answer(
        Effect.map(replied, ({ body, contentType, status }) => {
          response.writeHead(status, {
            "content-type": contentType,
            "content-length": Buffer.byteLength(body),
            "cache-control": "no-store",
            ...(isRead ? {} : { allow: "GET, HEAD", connection: "close" })
          })
          response.end(request.method === "HEAD" ? undefined : body)
        })
      )
    }
  )
  server.maxConnections = MOST_CONNECTIONS
  yield* Effect.acquireRelease(start(server, host, port), () =>
    Effect.callback<void>((resume) => {
      server.close(() => resume(Effect.void))
      server.closeAllConnections()
    })
  )
  const address = server.address()
  const bound = typeof address === "object" && address !== null ? address.port : port
  return `http://${host.includes(":") ? `[${host}]` : host}:${bound}`
})

const start = (server: Server, host: string, port: number) =>
  Effect.callback<void, ReturnType<typeof usage>>((resume) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      resume(
        Effect.fail(usage(`cannot listen on --metrics-port ${port} of ${host}: ${whyOf(error.code)}; give another one`))
      )
    })
    server.listen(port, host, () => resume(Effect.void))
  })

const whyOf = (code: string | undefined): string => {
  switch (code) {
    case "EADDRINUSE":
      return "another program uses it"
    case "EACCES":
      return "this user may not use it"
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "this machine does not have the address of --metrics-host"
    default:
      return code ?? "the system gives no reason"
  }
}

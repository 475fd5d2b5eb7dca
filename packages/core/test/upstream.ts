/**
 * A real HTTP server on a free port that answers as a test tells it to.
 */
import { Effect } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

export interface Upstream {
  readonly url: URL
  /** The requests that arrived, oldest first. */
  readonly requests: ReadonlyArray<IncomingMessage>
  /** Requests whose client went away before the answer was complete. */
  readonly aborted: ReadonlyArray<IncomingMessage>
}

/** Starts a server that hands the n-th request (from 1) to `answer`; it stops with the scope. */
export const upstream = (answer: (response: ServerResponse, request: IncomingMessage, n: number) => void) =>
  Effect.acquireRelease(
    Effect.callback<Upstream & { readonly stop: Effect.Effect<void> }>((resume) => {
      const requests: Array<IncomingMessage> = []
      const aborted: Array<IncomingMessage> = []
      const server = createServer((request, response) => {
        requests.push(request)
        response.on("close", () => {
          if (!response.writableEnded) aborted.push(request)
        })
        answer(response, request, requests.length)
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        const stop = Effect.callback<void>((done) => {
          server.close(() => done(Effect.void))
          server.closeAllConnections()
        })
        resume(Effect.succeed({ url: new URL(`http://127.0.0.1:${port}`), requests, aborted, stop }))
      })
    }),
    ({ stop }) => stop
  )

/** Answers with JSON. */
export const json = (response: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}) => {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))
}

export const emptyPage = { sessions: [], totalCount: 0, page: 1, pageSize: 10 }

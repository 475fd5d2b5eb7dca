/**
 * A Node server that numbers and counts its requests.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { Stats } from "../Stats.ts"

/** The path of the statistics; requests for it are not counted. */
export const statsPath = "/__stats"

/** Connections that the simulator itself breaks, which are no client's doing. */
export type BrokenResponses = WeakSet<ServerResponse>

/** Makes the server, which does not listen yet. */
export const countingServer = (stats: Stats, broken: BrokenResponses): Server => {
  const server = createServer()
  let requests = 0
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    response.setHeader("x-request-id", `sim-${++requests}`)
    if (request.url?.startsWith(statsPath) === true) return
    stats.begin()
    response.once("close", () =>
      stats.end({
        status: response.headersSent ? response.statusCode : undefined,
        aborted: !response.writableFinished && !broken.has(response)
      })
    )
  })
  return server
}

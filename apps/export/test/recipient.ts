/**
 * Servers that are told how runs end.
 */
import { Effect, Schema } from "effect"
import { once } from "node:events"
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { Notification } from "../src/operations/Notification.ts"

/** A request that a recipient was sent. */
export interface Told {
  readonly method: string
  /** The path, or the whole URL for a proxy. */
  readonly target: string
  readonly headers: IncomingMessage["headers"]
  readonly body: string
}

/** Listens on this machine until the scope closes; succeeds with the port. */
export const listen = (server: Server) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      return (server.address() as AddressInfo).port
    }),
    () =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )

/** A recipient that notes what it is told; answers with 200, unless it is given another way to. */
export const recipient = (answer: RequestListener = (_, response) => response.end("ok")) =>
  Effect.gen(function* () {
    const told: Array<Told> = []
    const server = createServer((request, response) => {
      let body = ""
      request.setEncoding("utf8").on("data", (text: string) => (body += text))
      request.on("end", () => {
        const { headers, method = "", url = "" } = request
        told.push({ method, target: url, headers, body })
        answer(request, response)
      })
    })
    const port = yield* listen(server)
    return { told, url: `http://127.0.0.1:${port}/hook` }
  })

const Text = Schema.fromJsonString(Notification)

/** The notifications that a recipient was told, oldest first; fails for one that is not as documented. */
export const notificationsOf = (told: ReadonlyArray<Told>): ReadonlyArray<Notification> =>
  told.map(({ body }) => Schema.decodeSync(Text, { onExcessProperty: "error" })(body))

/** What each notification is about. */
export const outcomesOf = (told: ReadonlyArray<Told>): ReadonlyArray<string> =>
  notificationsOf(told).map(({ outcome }) => outcome)

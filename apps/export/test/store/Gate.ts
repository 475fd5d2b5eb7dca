/**
 * What stands between a run and its store: it passes requests on, and does to some of them what networks and stores do.
 */
import { Effect } from "effect"
import { once } from "node:events"
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** A request that came in. */
export interface Passing {
  /** From 1, since the gate was made. */
  readonly number: number
  readonly method: string
  /** The path and the query. */
  readonly url: string
  readonly isConditional: boolean
}

/**
 * What happens to a request:
 *
 * - `pass`: it is passed on.
 * - `drop`: the connection is cut, and nothing happens.
 * - `lose`: it is passed on, and the connection is cut instead of the answer.
 * - a number: this status is answered, and nothing happens.
 */
export type Fate = "pass" | "drop" | "lose" | number

/** Decides about a request; a promise holds it up. */
export type Decide = (passing: Passing) => Fate | Promise<Fate>

const codes: Readonly<Record<number, string>> = { 409: "ConditionalRequestConflict", 503: "SlowDown" }

/** Starts a gate before the server at a URL; ends with the scope. */
export const startGate = (
  endpoint: string,
  decide: Decide = () => "pass",
  onLost: (passing: Passing) => void = () => {}
) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const target = new URL(endpoint)
      const seen: Array<Passing> = []
      const handle = async (incoming: IncomingMessage, answer: ServerResponse) => {
        const chunks: Array<Buffer> = []
        for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk)
        const { headers, method = "", url = "" } = incoming
        const isConditional = "if-none-match" in headers || "if-match" in headers
        const passing = { number: seen.length + 1, method, url, isConditional }
        seen.push(passing)
        const fate = await decide(passing)
        if (fate === "drop") return void incoming.socket.destroy()
        if (typeof fate === "number") {
          answer.writeHead(fate, { "content-type": "application/xml", date: new Date().toUTCString() })
          return void answer.end(`<Error><Code>${codes[fate]}</Code><Message>later</Message></Error>`)
        }
        const passed = request({ host: target.hostname, port: target.port, method, path: url, headers, agent: false })
        passed.end(Buffer.concat(chunks))
        const [response] = (await once(passed, "response")) as [IncomingMessage]
        const body: Array<Buffer> = []
        for await (const chunk of response as AsyncIterable<Buffer>) body.push(chunk)
        if (fate === "lose") {
          onLost(passing)
          return void incoming.socket.destroy()
        }
        answer.writeHead(response.statusCode ?? 500, response.headers)
        answer.end(method === "HEAD" ? undefined : Buffer.concat(body))
      }
      const server = createServer((incoming, answer) => {
        incoming.on("error", () => {})
        answer.on("error", () => {})
        handle(incoming, answer).catch(() => incoming.socket.destroy())
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      const { port } = server.address() as AddressInfo
      return { url: `http://127.0.0.1:${port}`, seen, server }
    }),
    ({ server }) =>
      Effect.promise(async () => {
        const closed = once(server, "close")
        server.close()
        server.closeAllConnections()
        await closed
      })
  )

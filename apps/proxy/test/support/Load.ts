/**
 * Load by autocannon, with a ledger of what became of each request.
 */
import autocannon from "autocannon"
import { Effect } from "effect"
import type { Socket } from "node:net"

/** What became of the requests. */
export interface Ledger {
  /** Complete answers, by status. */
  readonly answered: Map<number, number>
  /** Answers that told the client to close. */
  closing: number
  /** Answers that began and did not end. */
  cut: number
  /** Requests without an answer, on a connection of which the server had not said that it would close it. */
  lost: number
  /** Connections that were not accepted. */
  unreachable: number
}

/** Sends requests on a number of connections, as fast as they are answered, until it is stopped. */
export const fire = (url: string, headers: Record<string, string>, connections = 20) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const ledger: Ledger = { answered: new Map(), closing: 0, cut: 0, lost: 0, unreachable: 0 }
      const setupClient = (client: autocannon.Client) => watch(client as unknown as Watched, ledger)
      const settings = { url, headers, connections, duration: 600, sampleInt: 50, setupClient }
      const { promise: ended, resolve } = Promise.withResolvers<Ledger>()
      return { ledger, load: autocannon(settings, () => resolve(ledger)), ended }
    }),
    ({ ended, load }) =>
      Effect.promise(() => {
        load.stop()
        return ended
      })
  ).pipe(
    Effect.map(({ ended, ledger, load }) => ({
      ledger,
      stop: Effect.promise(() => {
        load.stop()
        return ended
      })
    }))
  )

/** What its types leave out. */
interface Watched {
  readonly conn: Socket
  on(event: "request" | "done", listener: () => void): unknown
  on(event: "headers", listener: (head: { readonly headers: ReadonlyArray<string> }) => void): unknown
  on(event: "response", listener: (status: number) => void): unknown
  on(event: "connError", listener: (error: { readonly code?: string }) => void): unknown
}

/** autocannon counts neither answers that end too early nor requests that are never answered. */
const watch = (client: Watched, ledger: Ledger): void => {
  const announced = new WeakSet<Socket>()
  let waiting: { readonly socket: Socket; hasHead: boolean } | undefined
  const giveUp = () => {
    if (waiting === undefined) return
    if (waiting.hasHead) ledger.cut += 1
    // A request on a connection that is being closed is the client's mistake; autocannon makes it.
    else if (!announced.has(waiting.socket)) ledger.lost += 1
    waiting = undefined
  }
  client.on("request", () => {
    giveUp()
    waiting = { socket: client.conn, hasHead: false }
  })
  client.on("headers", ({ headers }) => {
    if (waiting !== undefined) waiting.hasHead = true
    const at = headers.findIndex((name) => name.toLowerCase() === "connection")
    if (at < 0 || headers[at + 1] !== "close") return
    announced.add(client.conn)
    ledger.closing += 1
  })
  client.on("response", (status) => {
    ledger.answered.set(status, (ledger.answered.get(status) ?? 0) + 1)
    waiting = undefined
  })
  client.on("connError", ({ code }) => {
    if (code !== "ECONNREFUSED") return giveUp()
    ledger.unreachable += 1
    waiting = undefined
  })
  // What is under way when the load is stopped was given up by the client.
  client.on("done", () => {
    waiting = undefined
  })
}

/**
 * A proxy of the network for tests of built apps, and a server with TLS that only this proxy can reach.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createServer, type IncomingMessage, type RequestListener, request, type Server } from "node:http"
import { createServer as createTlsServer } from "node:https"
import { type AddressInfo, connect } from "node:net"
import type { Duplex } from "node:stream"
import { fileURLToPath } from "node:url"

/** The name of the server behind the proxy, which no resolver knows. */
export const hiddenUrl = "https://sessions.test"

const fixture = (name: string) => fileURLToPath(new URL(`../test/fixtures/tls/${name}.pem`, import.meta.url))

/** The certificate of that server, for `NODE_EXTRA_CA_CERTS`. */
export const certificateFile = fixture("cert")

/** A request that the proxy was sent. */
export interface Seen {
  readonly method: string
  /** The whole URL, or the host and port of a tunnel. */
  readonly target: string
  readonly authorization: string | undefined
}

/** A running proxy. */
export interface NetworkProxy {
  /** Its host and port. */
  readonly host: string
  /** Its URL with the user and the password that it wants. */
  readonly url: string
  /** What it was sent, oldest first. */
  readonly seen: ReadonlyArray<Seen>
}

/** The password that the proxy wants; it must be seen nowhere else. */
export const password = "p@ss/canary"

const user = "user"
const wanted = `Basic ${btoa(`${user}:${password}`)}`

const listen = Effect.fnUntraced(function* <S extends Server>(server: S) {
  yield* Effect.acquireRelease(
    Effect.promise(() => once(server.listen(0, "127.0.0.1"), "listening")),
    () =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
  return (server.address() as AddressInfo).port
})

/** Sends a request on to a server without TLS, without what is meant for the proxy. */
const relay =
  (targetOf: (incoming: IncomingMessage) => string): RequestListener =>
  (incoming, outgoing) => {
    const { "proxy-authorization": _, ...headers } = incoming.headers
    const sent = request(targetOf(incoming), { headers, method: incoming.method ?? "GET" }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    sent.on("error", () => outgoing.destroy())
    incoming.pipe(sent)
  }

/**
 * Starts the proxy: it forwards plain requests, and makes a tunnel to `hiddenUrl`, where `upstream` answers behind TLS.
 * A client without the password, or that wants another tunnel, gets 407.
 */
export const start = (upstream: string): Effect.Effect<NetworkProxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    const tls = createTlsServer(
      { key: readFileSync(fixture("key")), cert: readFileSync(certificateFile) },
      relay(({ url = "" }) => upstream + url)
    )
    const tlsPort = yield* listen(tls)
    const seen: Array<Seen> = []
    const isLetIn = ({ headers, method = "", url = "" }: IncomingMessage) => {
      const authorization = headers["proxy-authorization"]
      seen.push({ method, target: url, authorization })
      return authorization === wanted
    }
    const forward = relay(({ url = "" }) => url)
    const server = createServer((incoming, outgoing) => {
      if (isLetIn(incoming)) forward(incoming, outgoing)
      else outgoing.writeHead(407).end()
    })
    const open = new Set<Duplex>()
    server.on("connect", (incoming, client) => {
      if (!isLetIn(incoming) || incoming.url !== `${new URL(hiddenUrl).hostname}:443`) {
        client.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        return
      }
      const socket = connect(tlsPort, "127.0.0.1", () => client.write("HTTP/1.1 200 Connection Established\r\n\r\n"))
      for (const [from, to] of [
        [client, socket],
        [socket, client]
      ] as const) {
        open.add(from)
        from.pipe(to)
        from.on("error", () => to.destroy())
        from.on("close", () => {
          open.delete(from)
          to.destroy()
        })
      }
    })
    const port = yield* listen(server)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const socket of open) socket.destroy()
      })
    )
    const host = `127.0.0.1:${port}`
    return { host, url: `http://${user}:${encodeURIComponent(password)}@${host}`, seen }
  })

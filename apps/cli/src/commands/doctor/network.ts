/**
 * What lies below HTTP: names, certificates and clocks.
 */
import { firstCode } from "@hb-sessions/app-kit/SystemError"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import { lookup } from "node:dns/promises"
import { connect } from "node:tls"

/** The code of the system, such as ECONNREFUSED, of an error or of what caused it. */
export const reason = (error: unknown): string => firstCode(error) ?? "unknown reason"

/** The addresses of a host; fails with the code of the system. */
export const resolveName = (host: string): Effect.Effect<ReadonlyArray<string>, string> =>
  Effect.map(Effect.tryPromise({ try: () => lookup(host, { all: true }), catch: reason }), (found) =>
    found.map(({ address }) => address)
  )

/** The protocol of a TLS connection and the end of its certificate, as the system trusts them. */
export const shakeHands = (
  host: string,
  port: number
): Effect.Effect<{ readonly protocol: string; readonly validTo: string }, string> =>
  Effect.callback((resume) => {
    const socket = connect({ host, port, servername: host })
    socket.once("secureConnect", () => {
      resume(Effect.succeed({ protocol: socket.getProtocol() ?? "TLS", validTo: socket.getPeerCertificate().valid_to }))
      socket.destroy()
    })
    socket.once("error", (error) => resume(Effect.fail(reason(error))))
    return Effect.sync(() => socket.destroy())
  })

/** The server's clock by its `Date` header, epoch milliseconds; NaN when it has none. Sends no key. */
export const serverTime = (url: string) =>
  Effect.map(HttpClient.head(url), ({ headers }) => Date.parse(headers["date"] ?? ""))

/**
 * What lies below HTTP: names, certificates and clocks.
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Predicate from "effect/Predicate"
import { lookup } from "node:dns/promises"
import { connect } from "node:tls"

const MOST_CAUSES = 8

/** The code of the system, such as ECONNREFUSED, of an error or of what caused it. */
export const reason = (error: unknown): string => {
  for (let cause = error, depth = 0; Predicate.isObject(cause) && depth < MOST_CAUSES; depth++) {
    if (Predicate.hasProperty(cause, "code") && typeof cause.code === "string") return cause.code
    cause = Predicate.hasProperty(cause, "cause") ? cause.cause : undefined
  }
  return "unknown reason"
}

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

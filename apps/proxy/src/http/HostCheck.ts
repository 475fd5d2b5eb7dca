/**
 * For whom a request is meant, where no token is asked for.
 *
 * A page on the web can let its own name point to this machine (DNS rebinding) and then read what is served here; but
 * its browser says so in `Host`.
 */
import type { IncomingMessage } from "node:http"

const HOST = /^(\[[^\]]+\]|[^:]+)(?::\d*)?$/
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1|::ffff:127(?:\.\d{1,3}){3})$/

/** The name or address in a `Host`, in one spelling: without port, brackets and the last dot, in lower case. */
const nameOf = (host: string): string | undefined =>
  HOST.exec(host.trim().toLowerCase())?.[1]
    ?.replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "")

const withoutMapping = (address: string): string => address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, "")

/**
 * Makes the check: loopback names, the address that the client connected to, and the names that are configured.
 *
 * HTTP/1.0 without a `Host` passes, as no browser speaks it.
 */
export const make = (names: ReadonlyArray<string>): ((request: IncomingMessage) => boolean) => {
  const allowed = new Set(names.map((name) => nameOf(name)))
  return ({ headersDistinct, httpVersionMinor, socket }) => {
    const [host, ...others] = headersDistinct["host"] ?? []
    if (host === undefined) return httpVersionMinor === 0
    const name = nameOf(host)
    if (name === undefined || others.length > 0) return false
    return (
      LOOPBACK.test(name) || allowed.has(name) || withoutMapping(socket.localAddress ?? "") === withoutMapping(name)
    )
  }
}

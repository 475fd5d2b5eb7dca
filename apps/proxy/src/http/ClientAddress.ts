/**
 * Where a request comes from: the address of its connection, or what proxies that are trusted say of it.
 */
import type { IncomingMessage } from "node:http"
import type { Socket } from "node:net"
import * as IpAddress from "./IpAddress.ts"
import { isUnix } from "./reset.ts"

/** The headers that may tell an address. */
export const headers = ["x-forwarded-for", "forwarded"] as const
export type ForwardedHeader = (typeof headers)[number]

/** What stands for the clients of a Unix socket, in the list of proxies and as their address. */
export const UNIX = "unix"

/** Whom to believe. */
export interface ClientAddressOptions {
  /** Addresses, networks, or `unix`. */
  readonly trusted: ReadonlyArray<string>
  /**
   * The only header that is read: proxies that set one of the two pass on the other as their client sent it.
   */
  readonly header: ForwardedHeader
}

/** Proxies that a request may have passed; what is further left is not looked at. */
const MAX_HOPS = 32
/** Longest element of `Forwarded`, in characters, and commas that its quoted texts may hold. */
const MAX_ELEMENT = 512
const MAX_COMMAS = 8
/** Headers whose address is remembered, and how long they may be. */
const MAX_REMEMBERED = 2048
const MAX_LENGTH = 256

/**
 * Makes the function that finds the address of a request.
 *
 * **Details**
 *
 * Each proxy appends the address of its client, so the list is read from its end: the first address that is not that of
 * a trusted proxy is the client's. The first in the list is taken where all are trusted. What is no address, such as
 * `unknown`, ends the search: the address is that of the proxy that sent it.
 */
export const make = ({ header, trusted }: ClientAddressOptions): ((request: IncomingMessage) => string) => {
  if (trusted.length === 0) return ({ socket }) => peerOf(socket)
  const networks = new IpAddress.Networks(
    trusted.flatMap((text) => {
      const network = IpAddress.parseNetwork(text)
      return network === undefined ? [] : [network]
    })
  )
  const trustsUnix = trusted.includes(UNIX)
  const lastOf = header === "forwarded" ? lastForwarded : lastListed

  const find = (peer: string, list: string): string => {
    let address = peer
    let end = list.length
    for (let hop = 0; hop < MAX_HOPS; hop++) {
      const last = lastOf(list, end)
      const found = last === undefined ? undefined : IpAddress.parse(withoutPort(last.node))
      if (last === undefined || found === undefined) return address
      address = found.text
      if (!networks.has(found)) return address
      end = last.start
    }
    return address
  }

  const remembered = new Map<string, string>()
  return ({ headers: sent, socket }) => {
    const peer = peerOf(socket)
    const value = sent[header]
    const list = Array.isArray(value) ? value.join(",") : value
    if (list === undefined) return peer
    // The address of the connection is part of the key: what one proxy is believed another is not.
    const key = `${peer} ${list}`
    const known = remembered.get(key)
    if (known !== undefined) return known
    const address = IpAddress.parse(peer)
    const isTrusted = address === undefined ? peer === UNIX && trustsUnix : networks.has(address)
    const found = isTrusted ? find(address?.text ?? peer, list) : peer
    if (key.length <= MAX_LENGTH) {
      if (remembered.size >= MAX_REMEMBERED) remembered.clear()
      remembered.set(key, found)
    }
    return found
  }
}

/** The address of a connection; empty for one that is closed. */
const peerOf = (socket: Socket): string => (isUnix(socket) ? UNIX : (socket.remoteAddress ?? ""))

/** The last element of a list that ends before `end`, and where it starts: at its comma, or below 0. */
interface Last {
  readonly node: string
  readonly start: number
}

/** The end of a list without the white space and the empty elements there. */
const trimmedEnd = (list: string, end: number): number => {
  let at = end
  while (at > 0 && " \t,".includes(list[at - 1] ?? "")) at -= 1
  return at
}

const lastListed = (list: string, end: number): Last | undefined => {
  const to = trimmedEnd(list, end)
  if (to <= 0) return undefined
  const start = list.lastIndexOf(",", to - 1)
  return { node: list.slice(start + 1, to).trim(), start }
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const QUOTED = String.raw`"(?:[^"\\]|\\.)*"`
const PAIR = `(${TOKEN})=(${TOKEN}|${QUOTED})`
const ELEMENT = new RegExp(String.raw`^[ \t]*${PAIR}(?:[ \t]*;[ \t]*${PAIR})*[ \t]*$`)
const PAIRS = new RegExp(PAIR, "g")

/**
 * The shortest end of the list that is an element: a quote that a client left open must not hide what a proxy appended.
 */
const lastForwarded = (list: string, end: number): Last | undefined => {
  const to = trimmedEnd(list, end)
  let start = to
  for (let commas = 0; commas <= MAX_COMMAS && start > 0; commas++) {
    start = list.lastIndexOf(",", start - 1)
    if (to - start > MAX_ELEMENT) return undefined
    const element = list.slice(start + 1, to)
    if (!ELEMENT.test(element)) continue
    const node = [...element.matchAll(PAIRS)].find(([, name = ""]) => name.toLowerCase() === "for")?.[2]
    return node === undefined ? undefined : { node, start }
  }
  return undefined
}

/** `192.0.2.1:80`, `[2001:db8::1]:80`, each with quotes or without. */
const withoutPort = (node: string): string => {
  const bare = /^"(.*)"$/.exec(node)?.[1] ?? node
  return /^\[([^\]]*)\](?::[\w.-]+)?$/.exec(bare)?.[1] ?? /^([\d.]+):[\w.-]+$/.exec(bare)?.[1] ?? bare
}

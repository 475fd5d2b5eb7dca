/**
 * Addresses of IPv4 and IPv6, and networks of them.
 */
import { isIPv4, isIPv6 } from "node:net"

/** An address; one of IPv4 that is mapped into IPv6 is one of IPv4. */
export interface IpAddress {
  readonly family: 4 | 6
  /** The bits of it, without a zone. */
  readonly bits: bigint
  /** As it is usually written; of IPv6 in lower case, otherwise as it came. */
  readonly text: string
}

/** The addresses that begin with the same bits. */
export interface Network {
  readonly family: 4 | 6
  readonly prefix: number
  /** The first `prefix` bits of them. */
  readonly start: bigint
}

const V4_BITS = 32
const V6_BITS = 128
const MAPPED_PREFIX = 0xff_ffn

const bitsOf4 = (text: string): bigint => BigInt(text.split(".").reduce((bits, part) => bits * 256 + Number(part), 0))

const groupsOf = (text: string): ReadonlyArray<string> => (text === "" ? [] : text.split(":"))

const bitsOf6 = (text: string): bigint => {
  // The last two groups may be written as an address of IPv4.
  const dotted = /^(.*:)([\d.]+)$/.exec(text)
  const [, before = "", last = ""] = dotted ?? []
  if (last.includes(".")) return bitsOf6(`${before}0:0`) | bitsOf4(last)
  const [head = "", tail] = text.split("::")
  const first = groupsOf(head)
  const rest = groupsOf(tail ?? "")
  const zeros = Array.from({ length: 8 - first.length - rest.length }, () => "0")
  return [...first, ...zeros, ...rest].reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n)
}

const textOf4 = (bits: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 255n).join(".")

/** Reads an address; undefined for what is none. */
export const parse = (text: string): IpAddress | undefined => {
  if (isIPv4(text)) return { family: 4, bits: bitsOf4(text), text }
  if (!isIPv6(text)) return undefined
  const lower = text.toLowerCase()
  const bits = bitsOf6(lower.replace(/%.*$/, ""))
  if (bits >> BigInt(V4_BITS) !== MAPPED_PREFIX) return { family: 6, bits, text: lower }
  const low = bits & 0xff_ff_ff_ffn
  return { family: 4, bits: low, text: textOf4(low) }
}

/** Reads an address, or a network such as `10.0.0.0/8`, which must have no bits set beyond its prefix. */
export const parseNetwork = (text: string): Network | undefined => {
  const [, written = "", length] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const address = parse(written)
  if (address === undefined) return undefined
  const own = address.family === 4 ? V4_BITS : V6_BITS
  // Of a mapped address the prefix counts the bits before it.
  const given = length === undefined ? own : Number(length) - (isIPv6(written) ? V6_BITS - own : 0)
  if (given < 0 || given > own) return undefined
  const rest = BigInt(own - given)
  const start = address.bits >> rest
  return start << rest === address.bits ? { family: address.family, prefix: given, start } : undefined
}

/** Networks, in which an address is found whatever their number. */
export class Networks {
  private readonly starts = new Map<string, { family: 4 | 6; rest: bigint; starts: Set<bigint> }>()

  constructor(networks: Iterable<Network>) {
    for (const { family, prefix, start } of networks) {
      const key = `${family}/${prefix}`
      const found = this.starts.get(key)
      if (found !== undefined) found.starts.add(start)
      else {
        const rest = BigInt((family === 4 ? V4_BITS : V6_BITS) - prefix)
        this.starts.set(key, { family, rest, starts: new Set([start]) })
      }
    }
  }

  has({ bits, family }: IpAddress): boolean {
    for (const one of this.starts.values()) {
      if (one.family === family && one.starts.has(bits >> one.rest)) return true
    }
    return false
  }
}

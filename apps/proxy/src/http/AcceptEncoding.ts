/**
 * Which content codings a client takes (RFC 9110, 12.5.3).
 */
import * as zlib from "node:zlib"

/** The codings that can be sent, the preferred one first. */
export type Coding = "zstd" | "br" | "gzip"

/** A Node without zstd does without it. */
const offered: ReadonlyArray<Coding> = "createZstdCompress" in zlib ? ["zstd", "br", "gzip"] : ["br", "gzip"]

/** In which order they are taken of a client that takes anything: the most usual one first. */
const usual: ReadonlyArray<Coding> = ["gzip", "br", "zstd"]

/** What a client takes. */
export interface Accepted {
  /** The coding to send; undefined to send none. */
  readonly coding: Coding | undefined
  /** Whether an answer without a coding may be sent. */
  readonly takesPlain: boolean
}

/** What a client without the header is sent: it may take any coding, but has not said that it knows one. */
const plainOnly: Accepted = { coding: undefined, takesPlain: true }

const ELEMENT = /^([!#$%&'*+.^_`|~\w-]+)(?:[ \t]*;[ \t]*[qQ][ \t]*=[ \t]*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/

/**
 * Reads the header; several are one, joined by commas.
 *
 * **Details**
 *
 * An element that is malformed means nothing. Of a coding that is given twice the lower quality counts. `x-gzip` is
 * `gzip`. What is not named is as `*` says; no coding at all is accepted unless that is excluded, by its own name
 * (`identity`) or by `*`, and is preferred only where it is said to be better than every coding.
 */
export const read = (header: string | undefined): Accepted => {
  if (header === undefined || header === "") return plainOnly
  const found = known.get(header)
  if (found !== undefined) return found
  const accepted = parse(header)
  if (header.length <= LONGEST_KNOWN) {
    if (known.size >= MOST_KNOWN) known.clear()
    known.set(header, accepted)
  }
  return accepted
}

/** Clients send few different headers, again and again. */
const known = new Map<string, Accepted>()
const MOST_KNOWN = 256
const LONGEST_KNOWN = 256

const parse = (header: string): Accepted => {
  const qualities = new Map<string, number>()
  for (const element of header.split(",")) {
    const [, name = "", quality = "1"] = ELEMENT.exec(element.trim()) ?? []
    if (name === "") continue
    const key = name.toLowerCase().replace(/^x-gzip$/, "gzip")
    qualities.set(key, Math.min(qualities.get(key) ?? 1, Number(quality)))
  }
  const rest = qualities.get("*") ?? 0
  const plain = qualities.get("identity") ?? (qualities.get("*") === 0 ? 0 : undefined)
  const named = offered.filter((coding) => qualities.has(coding))
  const others = usual.filter((coding) => offered.includes(coding) && !qualities.has(coding))
  let coding: Coding | undefined
  // Below the least quality that there is: a coding that is accepted at all is preferred to none.
  let best = qualities.get("identity") ?? 0
  for (const candidate of [...named, ...others]) {
    const quality = qualities.get(candidate) ?? rest
    if (quality > best || (coding === undefined && quality === best && quality > 0)) {
      coding = candidate
      best = quality
    }
  }
  return { coding, takesPlain: plain !== 0 }
}

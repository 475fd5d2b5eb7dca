/**
 * Sends a body that is there as a whole, in the coding that its client takes.
 */
import type { Coding } from "../http/AcceptEncoding.ts"
import type { Exchange } from "../http/Exchange.ts"
import { noCoding, reject } from "../http/Problem.ts"
import type { CodedForms } from "./CodedForms.ts"
import type { Prepared } from "./Prepared.ts"

/** What is sent, and how. */
export interface Sending {
  readonly body: Buffer
  readonly prepared: Prepared
  /** The compressed forms; undefined for a body that must be sent as it is. */
  readonly forms: CodedForms | undefined
  /** Whether there is room for so many more bytes beside the body. */
  readonly keep: (bytes: number) => boolean
  /** Whether it is so long that a client that reads slowly gets it piece by piece. */
  readonly isLong: boolean
}

/** Sends it, or 304 if the client has what it would get. */
export const sendBody = (exchange: Exchange, sending: Sending): void => {
  const { accepted } = exchange
  const { body, forms, keep } = sending
  if (forms === undefined || accepted.coding === undefined) {
    return accepted.takesPlain ? sendAs(exchange, sending, body, undefined) : exchange.reject(noCoding)
  }
  const coding = forms.choose(body, accepted)
  if (coding === undefined) return sendAs(exchange, sending, body, undefined)
  if (isHeld(exchange, sending.prepared.tag(coding))) return sendAs(exchange, sending, body, coding)
  let isHere = false
  let own = sending
  forms.take(body, coding, keep, (form) => {
    isHere = true
    if (form !== undefined) sendAs(exchange, own, form, coding)
    else if (accepted.takesPlain) sendAs(exchange, own, body, undefined)
    else exchange.reject(reject("internal", "the response could not be compressed; accept identity"))
  })
  if (isHere) return
  // While it waits, other answers have other headers.
  own = { ...sending, prepared: sending.prepared.copy() }
  exchange.response.once("close", () => exchange.abandoned())
}

const sendAs = (exchange: Exchange, { isLong, prepared }: Sending, body: Buffer, coding: Coding | undefined): void => {
  if (isHeld(exchange, prepared.tag(coding))) return exchange.sendEmpty(304, prepared.notModified(coding))
  const headers = prepared.full(coding, body)
  if (isLong) exchange.sendLarge(200, headers, body)
  else exchange.sendWhole(200, headers, prepared.text(coding, body))
}

/** Whether the client has what has this tag. */
const isHeld = ({ request }: Exchange, etag: string): boolean => {
  const header = request.headers["if-none-match"]
  return header !== undefined && isMatch(header, etag)
}

/** Whether one of the tags of `If-None-Match` is this one; a weak one matches too (RFC 9110, 13.1.2). */
const isMatch = (header: string, etag: string): boolean =>
  header === etag ||
  header.trim() === "*" ||
  header.split(",").some((tag) => {
    const text = tag.trim()
    return text === etag || text === `W/${etag}`
  })

/**
 * Refusals that are given after a moment, so that whoever collects them by the thousand leaves time to the others.
 */
import type { Socket } from "node:net"
import type { Exchange } from "./Exchange.ts"
import type { Refusal } from "./Problem.ts"

const DELAY_MILLIS = 1000
/** They must not be given all at once either. */
const SPREAD_MILLIS = 500
/** Most refusals that wait at a time; further ones are given at once. */
const MAX_WAITING = 2048

/**
 * Gives refusals.
 *
 * **Details**
 *
 * A late one is held back for more than a second: a client that sends its next request when it has the answer to the
 * last is slowed down to less than one a second on each connection. Of requests that are sent on one connection without
 * waiting only the first is held: the others wait behind it already.
 */
export class LateRefusals {
  private readonly waiting = new Set<Socket>()

  refuse(exchange: Exchange, refusal: Refusal): void {
    const { response } = exchange
    const { socket } = exchange.request
    if (refusal.isLate !== true || this.waiting.has(socket) || this.waiting.size >= MAX_WAITING) {
      return exchange.refuse(refusal)
    }
    this.waiting.add(socket)
    const timer = setTimeout(() => exchange.refuse(refusal), DELAY_MILLIS + Math.random() * SPREAD_MILLIS)
    response.once("close", () => {
      clearTimeout(timer)
      this.waiting.delete(socket)
      exchange.abandoned()
    })
  }
}

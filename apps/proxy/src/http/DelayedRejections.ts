/**
 * Rejections that are sent after a moment, so that a client that collects them by the thousand leaves time to others.
 */
import type { Socket } from "node:net"
import type { Exchange } from "./Exchange.ts"
import type { Rejection } from "./Problem.ts"

const DELAY_MILLIS = 1000
/** They must not be given all at once either. */
const SPREAD_MILLIS = 500
/** Most rejections that wait at a time; further ones are sent at once. */
const MAX_WAITING = 2048

/**
 * Sends rejections.
 *
 * **Details**
 *
 * A late one is held back for more than a second: a client that sends its next request when it has the answer to the
 * last is slowed down to less than one a second on each connection. Of requests that are sent on one connection without
 * waiting only the first is held: the others wait behind it already.
 */
export class DelayedRejections {
  private readonly waiting = new Set<Socket>()

  reject(exchange: Exchange, rejection: Rejection): void {
    const { response } = exchange
    const { socket } = exchange.request
    if (rejection.isDelayed !== true || this.waiting.has(socket) || this.waiting.size >= MAX_WAITING) {
      return exchange.reject(rejection)
    }
    this.waiting.add(socket)
    const timer = setTimeout(() => exchange.reject(rejection), DELAY_MILLIS + Math.random() * SPREAD_MILLIS)
    response.once("close", () => {
      clearTimeout(timer)
      this.waiting.delete(socket)
      exchange.abandoned()
    })
  }
}

/**
 * What waits in memory for clients that do not read, or sent more than is read yet: bounded for all of them together.
 */
import type { Socket } from "node:net"
import { reset } from "./reset.ts"

interface Waiting {
  bytes: number
  /** When there was nothing last, in steady milliseconds. */
  readonly since: number
}

/** Share of the bound that is left when connections had to be dropped, so that it is not reached again at once. */
const AFTER_DROP = 0.9

/**
 * Counts what connections hold and drops the worst beyond a bound: that with the most bytes for the longest time.
 *
 * **Gotchas**
 *
 * A count may be too high, as a client's reads are not reported; it is taken anew before a connection is dropped.
 */
export class Outbox {
  private readonly waiting = new Map<Socket, Waiting>()
  private readonly held = new WeakMap<Socket, number>()
  private readonly encoded = new WeakMap<Socket, number>()
  private readonly maxBytes: number
  private readonly onDrop: (address: string | undefined) => void
  private total = 0

  constructor(maxBytes: number, onDrop: (address: string | undefined) => void) {
    this.maxBytes = maxBytes
    this.onDrop = onDrop
  }

  /** Bytes that wait, as far as known. */
  get bytes(): number {
    return this.total
  }

  /** Notes that something was written to a connection. */
  note(socket: Socket): void {
    this.weigh(socket)
    if (this.total > this.maxBytes) this.dropWorst()
  }

  /** Notes how many bytes of requests of a connection are kept until it is their turn. */
  hold(socket: Socket, bytes: number): void {
    this.held.set(socket, bytes)
    this.note(socket)
  }

  /** Notes how many bytes of an answer wait to be compressed, as its client does not read. */
  encode(socket: Socket, bytes: number): void {
    if (bytes === 0) this.encoded.delete(socket)
    else this.encoded.set(socket, bytes)
    this.note(socket)
  }

  /** Forgets a connection that is closed. */
  forget(socket: Socket): void {
    const found = this.waiting.get(socket)
    if (found === undefined) return
    this.waiting.delete(socket)
    this.total -= found.bytes
  }

  private weigh(socket: Socket): void {
    const bytes = socket.destroyed
      ? 0
      : socket.writableLength + (this.held.get(socket) ?? 0) + (this.encoded.get(socket) ?? 0)
    if (bytes === 0) return this.forget(socket)
    const found = this.waiting.get(socket)
    this.total += bytes - (found?.bytes ?? 0)
    if (found === undefined) this.waiting.set(socket, { bytes, since: performance.now() })
    else found.bytes = bytes
  }

  private dropWorst(): void {
    for (const socket of this.waiting.keys()) this.weigh(socket)
    if (this.total <= this.maxBytes) return
    const now = performance.now()
    const weight = ({ bytes, since }: Waiting) => bytes * (now - since + 1)
    const worst = [...this.waiting].toSorted(([, a], [, b]) => weight(b) - weight(a))
    for (const [socket] of worst) {
      if (this.total <= this.maxBytes * AFTER_DROP) return
      const address = socket.remoteAddress
      this.forget(socket)
      reset(socket)
      this.onDrop(address)
    }
  }
}

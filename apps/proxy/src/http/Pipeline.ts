/**
 * One request at a time on each connection: a client that sends more waits until the first is answered.
 *
 * Node reads 64 KiB at once and makes objects of all the requests in it, 2,000 of the shortest, whether or not anybody
 * reads the answers. So what was read is handed to its parser a request at a time.
 */
import type { Socket } from "node:net"

const HEAD_END = Buffer.from("\r\n\r\n")
/** Bytes that are read ahead, so that it is noticed when the client leaves; no more is read then. */
const READ_AHEAD = 16_384

/** How a connection's requests are let through. */
export interface Pipeline {
  /** Lets the next request through, when the last one is answered. */
  readonly next: () => void
}

/**
 * Puts itself between a connection and its parser.
 *
 * `isBusy` tells whether a request is being answered; `onHeld` is told how many bytes wait for that.
 */
export const install = (
  socket: Socket,
  { isBusy, onHeld }: { readonly isBusy: () => boolean; readonly onHeld: (bytes: number) => void }
): Pipeline => {
  const queue = socket.push.bind(socket)
  let held: Buffer | undefined
  let hasEnded = false

  /** To the parser itself where nothing is queued: the stream in between costs as much as the parser. */
  const push = (chunk: Buffer | null): boolean => {
    if (chunk === null || socket.readableFlowing !== true || socket.readableLength > 0) return queue(chunk)
    socket.emit("data", chunk)
    return true
  }

  /** Hands over what it may, up to the end of a head each time. */
  const feed = (): boolean => {
    let wantsMore = true
    while (held !== undefined && !isBusy() && !socket.destroyed) {
      const found = held.indexOf(HEAD_END)
      const end = found < 0 ? held.length : found + HEAD_END.length
      const piece = held.subarray(0, end)
      held = end === held.length ? undefined : held.subarray(end)
      wantsMore = push(piece)
    }
    if (held === undefined && hasEnded) push(null)
    return wantsMore
  }

  socket.push = (chunk: Buffer | null): boolean => {
    if (chunk === null) {
      hasEnded = true
      return held === undefined ? push(null) : false
    }
    if (held === undefined && !isBusy()) {
      const found = chunk.indexOf(HEAD_END)
      // As nearly always: one request, or a part of one.
      if (found < 0 || found + HEAD_END.length === chunk.length) return push(chunk)
    }
    held = held === undefined ? chunk : Buffer.concat([held, chunk])
    const wantsMore = feed()
    const waiting = bytesOf(held)
    if (waiting > 0) onHeld(waiting)
    return wantsMore && waiting < READ_AHEAD
  }
  // A listener for data makes Node read in JavaScript, where `push` is used, and not inside of its parser.
  const listener = () => {}
  socket.on("data", listener)
  socket.off("data", listener)

  return {
    next: () => {
      if (held === undefined) return
      feed()
      onHeld(bytesOf(held))
      // What had stopped reading goes on.
      if (bytesOf(held) < READ_AHEAD && !socket.destroyed) socket.read(0)
    }
  }
}

const bytesOf = (held: Buffer | undefined): number => held?.length ?? 0

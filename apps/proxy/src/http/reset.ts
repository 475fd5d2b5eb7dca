/**
 * Connections that end in the middle of an answer.
 */
import type { Socket } from "node:net"

/** Whether a connection is one of a Unix socket; false for one that is closed. */
export const isUnix = (socket: Socket): boolean => socket.remoteAddress === undefined && !socket.destroyed

/** Ends a connection at once. Its client is told by a reset, which a Unix socket does not have. */
export const reset = (socket: Socket): void => void (isUnix(socket) ? socket.destroy() : socket.resetAndDestroy())

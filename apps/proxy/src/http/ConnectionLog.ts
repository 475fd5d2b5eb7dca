/**
 * Connections that the proxy ended before there was a request, or in spite of one: a line each, up to a number of lines,
 * and then their number only. One client may cause thousands a second.
 */
import type { ProblemName } from "./Problem.ts"

/**
 * Why a connection was ended.
 *
 * - A problem: the parser could make no request of what it was sent.
 * - `too-many-connections`: there were `--max-connections` already.
 * - `queued`: too much waited for clients that do not read.
 * - `idle`: the client of a request that is answered neither read nor sent for `--client-timeout`.
 */
export type EndReason = ProblemName | "too-many-connections" | "queued" | "idle"

/** A connection that was ended. */
export interface Ended {
  readonly reason: EndReason
  readonly address: string | undefined
  /** That of the answer; undefined without one. */
  readonly status?: number
}

/** Time for which lines are counted. */
const WINDOW_MILLIS = 10_000
/** Most lines in that time. */
const MAX_LINES = 10

/** Bounds the lines about connections; times are steady milliseconds. */
export class ConnectionLog {
  private readonly further = new Map<EndReason, number>()
  private readonly write: (line: string) => void
  private startedAt = Number.NEGATIVE_INFINITY
  private lines = 0

  constructor(write: (line: string) => void) {
    this.write = write
  }

  /** Notes a connection that was ended. */
  note({ address, reason, status }: Ended, now: number): void {
    if (now - this.startedAt >= WINDOW_MILLIS) {
      this.sumUp()
      this.startedAt = now
      this.lines = 0
    }
    this.lines += 1
    if (this.lines > MAX_LINES) return void this.further.set(reason, (this.further.get(reason) ?? 0) + 1)
    this.line({ reason, ...(status === undefined ? {} : { status }), ...(address === undefined ? {} : { address }) })
  }

  /** Writes how many had no line, if it is time. */
  tick(now: number): void {
    if (now - this.startedAt >= WINDOW_MILLIS) this.sumUp()
  }

  /** Writes how many had no line. */
  sumUp(): void {
    for (const [reason, further] of this.further) this.line({ reason, further })
    this.further.clear()
  }

  private line(fields: object): void {
    this.write(`${JSON.stringify({ time: new Date().toISOString(), type: "connection", ...fields })}\n`)
  }
}

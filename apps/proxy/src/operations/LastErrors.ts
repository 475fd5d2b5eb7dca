/**
 * The last answers that were failures of the proxy or of the upstream, for the operator to look at.
 */
import type { LogEntry } from "../http/LogEntry.ts"

/** A failure; it has neither a query nor a text of the upstream. */
export interface LastError {
  /** Epoch milliseconds. */
  readonly at: number
  readonly id: string
  readonly status: number
  readonly problem: LogEntry["problem"]
  readonly route: LogEntry["route"]
  readonly token: string | undefined
  readonly account: string | undefined
}

const MOST = 50

/** Keeps the last ones, the newest first. */
export class LastErrors {
  private kept: ReadonlyArray<LastError> = []

  /** Notes an answer, if it was one; `now` gives epoch milliseconds. */
  note({ account, client, id, problem, route, status }: LogEntry, now: () => number): void {
    // An answer that had begun has kept its status.
    if (status < 500 && (problem === undefined || status >= 400)) return
    this.kept = [{ at: now(), id, status, problem, route, token: client, account }, ...this.kept].slice(0, MOST)
  }

  /** The newest first. */
  all(): ReadonlyArray<LastError> {
    return this.kept
  }
}

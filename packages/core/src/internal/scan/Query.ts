/**
 * What a read asks the server for, and what it filters itself.
 */
import type * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import type { Session, SessionStatus } from "../../Session.ts"
import type { ListQuery } from "../../ListQuery.ts"
import { readTimeInput } from "../optionProblem.ts"

/** The part of the options that decides which sessions are read. */
export interface QueryOptions {
  readonly status?: SessionStatus | ReadonlyArray<SessionStatus>
  readonly filter?: "server" | "client"
  readonly pageSize?: number
  readonly since?: DateTime.DateTime.Input
  readonly until?: DateTime.DateTime.Input
}

/** The options in the form that a read needs. */
export interface Query {
  /** Sent with every request. */
  readonly sent: Omit<ListQuery, "page">
  /** Whether the server filters, so that sessions leave the list that is read. */
  readonly isFiltered: boolean
  /** Epoch milliseconds; undefined for no bound. */
  readonly since: number | undefined
  /** Whether a row that was read is one that was asked for. */
  readonly matches: (session: Session) => boolean
  /** The query as canonical text, for resume tokens. */
  readonly text: string
}

/** Only one status can be sent, so several are filtered here. */
export const makeQuery = (options: QueryOptions): Query => {
  const statuses = new Set(options.status === undefined ? [] : [options.status].flat())
  const [only] = statuses
  const sent = statuses.size === 1 && options.filter !== "client" ? only : undefined
  const filtered = statuses.size === 0 || sent !== undefined ? undefined : statuses
  const since = toMillis(options.since)
  const until = toMillis(options.until)
  return {
    sent: {
      ...(sent === undefined ? {} : { status: sent }),
      ...(options.pageSize === undefined ? {} : { limit: options.pageSize })
    },
    isFiltered: sent !== undefined,
    since,
    matches: (session) =>
      (filtered === undefined || (session.status !== undefined && filtered.has(session.status))) &&
      (since === undefined || (session.createdAt !== undefined && session.createdAt >= since)) &&
      (until === undefined || (session.createdAt !== undefined && session.createdAt < until)),
    text: JSON.stringify([
      [...statuses].toSorted(),
      sent !== undefined,
      options.pageSize ?? null,
      since ?? null,
      until ?? null
    ])
  }
}

const toMillis = (input: DateTime.DateTime.Input | undefined): number | undefined =>
  input === undefined ? undefined : Result.getOrThrow(readTimeInput(input))

/**
 * Rows without a usable id in a list whose rows are counted: each has a place, and so a stand-in among the sessions.
 *
 * The key of a stand-in is made of what the row reads. Rows that read alike share it, but for those on one page, so there
 * are never more keys than rows at one time, as long as rows do not change. One that changes gets another key, as if it
 * had left and another one had come: the moment certificate then proves nothing, and the others, which add up what was
 * read at different times, are not asked.
 */
import { SessionId, type Session } from "../../Session.ts"
import { encodeUnreadable } from "../../SessionsNdjson.ts"
import type { DecodedPage, UnreadableRow } from "../../SessionPage.ts"
import { readCreatedAt } from "../readRow.ts"
import { Digest } from "./Digest.ts"

/** The rows of a page, each at its place. */
export interface PageRows {
  /** The sessions and the stand-ins. */
  readonly sessions: ReadonlyArray<Session>
  /** The rows that the stand-ins stand for, by their ids; undefined when there are none. */
  readonly unreadable: ReadonlyMap<string, UnreadableRow> | undefined
  /** Whether two of the rows read alike. */
  readonly hasAlike: boolean
}

export const rowsOf = ({ sessions, unreadableRows = [] }: DecodedPage): PageRows => {
  if (unreadableRows.length === 0) return { sessions, unreadable: undefined, hasAlike: false }
  const unreadable = new Map<string, UnreadableRow>()
  const counts = new Map<string, number>()
  const rows: Array<Session> = []
  let placed = 0
  for (const row of unreadableRows.toSorted((a, b) => a.index - b.index)) {
    while (rows.length < row.index && placed < sessions.length) rows.push(sessions[placed++]!)
    const text = encodeUnreadable(row)
    const count = counts.get(text) ?? 0
    counts.set(text, count + 1)
    const id = standInId(text, count)
    unreadable.set(id, row)
    const createdAt = readCreatedAt(row.row)
    rows.push({ id, ...(createdAt === undefined ? {} : { createdAt }) })
  }
  return { sessions: rows.concat(sessions.slice(placed)), unreadable, hasAlike: counts.size < unreadableRows.length }
}

/** In the form of a UUID, so that it takes no more memory than the id of a session. */
const standInId = (text: string, count: number): SessionId => {
  const digest = new Digest()
  digest.add(`row without an id ${count}`)
  digest.add(text)
  return SessionId.make(digest.toString().replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"))
}

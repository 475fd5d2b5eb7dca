/**
 * Sessions in another order than the API's.
 */
import type { Session } from "@hb-sessions/core/Session"
import { type Column, everything, parseColumns } from "@hb-sessions/core/SessionsColumns"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { sortValueOf } from "../../output/formats/fields.ts"
import { usage } from "../../settings/usage.ts"

/** What to sort by. */
export interface Sort {
  readonly column: Column
  readonly isDescending: boolean
}

/** Reads `key`, `key:asc` or `key:desc`. */
export const parseSort = (text: string) => {
  const [name = "", direction = "asc", ...rest] = text.split(":")
  if (rest.length > 0 || (direction !== "asc" && direction !== "desc")) {
    return Result.fail(usage(`--sort: ${JSON.stringify(text)} is not a key, or a key followed by :asc or :desc`))
  }
  return parseColumns(name).pipe(
    Result.mapError((error) => usage(`--sort: ${error.message}`)),
    Result.flatMap(([column, second]) =>
      column === undefined || second !== undefined || column === everything
        ? Result.fail(usage("--sort: takes one key; give one column"))
        : Result.succeed<Sort>({ column, isDescending: direction === "desc" })
    )
  )
}

/** Sessions without the value come last, whatever the direction; equal ones stay in the order of the API. */
const compare = ({ column, isDescending }: Sort) => {
  const read = sortValueOf(column)
  return (left: Session, right: Session): number => {
    const [a, b] = [read(left), read(right)]
    if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1
    // A key outside the contract may hold numbers and text: numbers come first.
    const order = typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1
    return isDescending ? -order : order
  }
}

/** Sessions that are emitted at once: the text of very many would be longer than a text can be. */
const AT_ONCE = 1000

/** Reads all, and emits the first ones of the order; memory holds twice the limit, or everything without one. */
export const sorted = <E, R>(
  chunks: Stream.Stream<{ readonly sessions: ReadonlyArray<Session> }, E, R>,
  sort: Sort,
  limit: number
): Stream.Stream<{ readonly sessions: ReadonlyArray<Session> }, E, R> =>
  Stream.suspend(() => {
    const order = compare(sort)
    let kept: Array<Session> = []
    const trim = () => {
      kept = kept.toSorted(order)
      if (kept.length > limit) kept.length = limit
    }
    return chunks.pipe(
      Stream.tap(({ sessions }) =>
        Effect.sync(() => {
          for (const session of sessions) kept.push(session)
          if (kept.length > 2 * limit) trim()
        })
      ),
      Stream.drain,
      Stream.concat(
        Stream.suspend(() => {
          trim()
          return Stream.map(Stream.grouped(Stream.fromIterable(kept), AT_ONCE), (sessions) => ({ sessions }))
        })
      )
    )
  })

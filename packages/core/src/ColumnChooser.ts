/**
 * Which columns `*` stands for, and what a list has beside the columns that are written.
 */
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { type PathKind, sizeOf, unknownPaths } from "./internal/unknownPaths.ts"
import type { Session } from "./Session.ts"
import { checkColumns, type Column, columns as contract, everything, expandColumns, reader } from "./SessionsColumns.ts"

/** Sessions that are looked at before `*` is replaced, when there are as many. */
const SAMPLE_SESSIONS = 1000

/** Bytes of memory that these may take, about. */
const SAMPLE_BYTES = 8_388_608

/** A server that uses ids as keys has more than anybody reads. */
const MOST_EXTRAS = 500
const MOST_NAMES = 100

/** Objects of the contract are no columns, not even when they are empty. */
const containers: ReadonlySet<string> = new Set(["launchState", "launchState.screen", "launchState.profile"])

/** What the columns that were written do not tell. */
export interface ColumnsReport {
  /** Named columns outside the contract that no session had; none when there was no session. */
  readonly empty: ReadonlyArray<string>
  /** Paths with a value that `*` does not include, as they only came later or were too many; the first 100 of them. */
  readonly leftOut: ReadonlyArray<string>
}

/** The paths outside the contract that one session has, in the order in which it has them. */
export const pathsOf = (session: Session): ReadonlyArray<Column> => {
  const paths = new Paths()
  paths.add(session)
  return paths.names
}

/** Paths that were seen. */
class Paths {
  readonly #found = new Map<string, Set<PathKind>>()
  /** Paths that were too many to be remembered. */
  readonly more = new Set<string>()
  readonly #note = (name: string, kind: PathKind) => {
    const kinds = this.#found.get(name)
    if (kinds !== undefined) kinds.add(kind)
    else if (this.#found.size < 10 * MOST_EXTRAS) this.#found.set(name, new Set([kind]))
    else if (kind === "value" && this.more.size < MOST_NAMES) this.more.add(name)
  }

  add(session: Session): void {
    unknownPaths(session, known, this.#note)
  }

  /** An object is told by what is in it; what was nothing each time has a column too. */
  get names(): ReadonlyArray<string> {
    return [...this.#found].flatMap(([name, kinds]) =>
      kinds.has("value") || (!kinds.has("object") && !containers.has(name)) ? [name] : []
    )
  }
}

const known: ReadonlySet<string> = new Set<string>(contract)

/**
 * Decides which columns `*` stands for, and watches what the sessions have beside them.
 *
 * **Details**
 *
 * `*` is replaced for good after the first 1,000 sessions, or 8 MiB of them, or at the end of a shorter list. It adds at
 * most 500 columns to those of the contract. A path that only comes later is in `leftOut` of the report, unless the
 * object around it is a column.
 *
 * **Gotchas**
 *
 * Throws `InvalidColumns` for a list that `parseColumns` would reject.
 */
export class ColumnChooser {
  readonly #list: ReadonlyArray<Column>
  readonly #empty: Map<string, (session: Session) => unknown>
  readonly #paths: Paths | undefined
  readonly #leftOut = new Set<string>()
  #chosen: ReadonlyArray<Column> | undefined
  #known: ReadonlySet<string> = known
  #sessions = 0
  #bytes = 0

  /** `decided`: what `*` in the list was replaced by before, so that it stands for the same again. */
  constructor(list: ReadonlyArray<Column>, decided?: ReadonlyArray<Column>) {
    this.#list = Result.getOrThrow(checkColumns(list))
    this.#empty = new Map(
      this.#list.filter((name) => name !== everything && !known.has(name)).map((name) => [name, reader(name)])
    )
    if (this.#list.includes(everything)) this.#paths = new Paths()
    else this.#chosen = this.#list
    if (decided !== undefined) this.#decide(decided)
  }

  /** Whether the columns are decided. */
  get isDecided(): boolean {
    return this.#chosen !== undefined
  }

  /** The columns, without `*`. The first call decides: from then on they stay as they are. */
  get columns(): ReadonlyArray<Column> {
    if (this.#chosen !== undefined) return this.#chosen
    const seen = this.#paths?.names.toSorted() ?? []
    const chosen = this.#decide(expandColumns(this.#list, seen.slice(0, MOST_EXTRAS)))
    for (const name of [...seen.slice(MOST_EXTRAS), ...(this.#paths?.more ?? [])]) this.#leaveOut(name)
    return chosen
  }

  /** Looks at sessions, each once, in the order in which they are written. */
  readonly look = (sessions: ReadonlyArray<Session>): void => {
    for (const session of sessions) {
      this.#sessions++
      for (const [name, read] of this.#empty) if (read(session) !== undefined) this.#empty.delete(name)
      if (this.#paths === undefined) continue
      if (this.#chosen === undefined) {
        this.#paths.add(session)
        this.#bytes += sizeOf(session)
        if (this.#sessions >= SAMPLE_SESSIONS || this.#bytes >= SAMPLE_BYTES) void this.columns
      } else {
        unknownPaths(session, this.#known, (name, kind) => {
          if (kind === "value") this.#leaveOut(name)
        })
      }
    }
  }

  /** What the sessions had that the columns do not tell. */
  get report(): ColumnsReport {
    return { empty: this.#sessions === 0 ? [] : [...this.#empty.keys()], leftOut: [...this.#leftOut].toSorted() }
  }

  #decide(columns: ReadonlyArray<Column>): ReadonlyArray<Column> {
    this.#chosen = columns
    this.#known = new Set<string>([...contract, ...columns])
    return columns
  }

  #leaveOut(name: string): void {
    if (this.#leftOut.size < MOST_NAMES) this.#leftOut.add(name)
  }
}

/**
 * Looks at each element, and holds the first ones until the columns are decided: then they come in one array.
 *
 * **Details**
 *
 * Every other element comes alone. Where the columns are known from the start, nothing is held.
 */
export const held =
  <A>(chooser: ColumnChooser, sessionsOf: (element: A) => ReadonlyArray<Session>) =>
  <E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<ReadonlyArray<A>, E, R> =>
    Stream.mapAccumArray(
      self,
      (): ReadonlyArray<A> => [],
      (before, elements) => {
        let first = [...before]
        const ready: Array<ReadonlyArray<A>> = []
        for (const element of elements) {
          first.push(element)
          chooser.look(sessionsOf(element))
          if (!chooser.isDecided) continue
          ready.push(first)
          first = []
        }
        return [first, ready]
      },
      { onHalt: (first) => (first.length === 0 ? [] : [first]) }
    )

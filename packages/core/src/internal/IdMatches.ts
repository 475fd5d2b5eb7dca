/**
 * The sessions that ids, or the beginnings of ids, stand for.
 */
import type { Session } from "../Session.ts"

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

/** The fewest characters of an id that may be searched for. */
export const leastPrefix = 4

/** Takes the sessions of a list in any order, and keeps those that match. */
export class IdMatches {
  /** Without the ellipsis of a table. */
  readonly #given: ReadonlySet<string>
  readonly #exact = new Map<string, Session>()
  readonly #begun = new Map<string, Map<string, Session>>()
  /** How long the beginnings are. */
  readonly #lengths: ReadonlySet<number>

  constructor(ids: ReadonlyArray<string>) {
    this.#given = new Set(ids.map((id) => id.replace(/(?:…|\.\.\.)$/, "")))
    for (const given of this.#given) {
      if (given.length >= leastPrefix && !UUID.test(given)) this.#begun.set(given, new Map())
    }
    this.#lengths = new Set([...this.#begun.keys()].map(({ length }) => length))
  }

  /** Whether all are whole ids, so that none needs the whole list. */
  get isExact(): boolean {
    return this.#begun.size === 0
  }

  /** Whether each has been found as a whole id. */
  get isDone(): boolean {
    return this.#exact.size === this.#given.size
  }

  take(sessions: ReadonlyArray<Session>): void {
    for (const session of sessions) {
      const { id } = session
      if (this.#given.has(id)) this.#exact.set(id, session)
      for (const length of this.#lengths) this.#begun.get(id.slice(0, length))?.set(id, session)
    }
  }

  /** The beginnings of several ids that are no id themselves. */
  get ambiguous(): ReadonlyArray<{ readonly given: string; readonly ids: ReadonlyArray<string> }> {
    return [...this.#given].flatMap((given) => {
      const begun = this.#begun.get(given)
      return this.#exact.has(given) || begun === undefined || begun.size < 2 ? [] : [{ given, ids: [...begun.keys()] }]
    })
  }

  get found(): ReadonlyArray<Session> {
    const sessions = [...this.#given].flatMap((given) => this.#sessionOf(given) ?? [])
    return [...new Map(sessions.map((session) => [session.id, session])).values()]
  }

  get missing(): ReadonlyArray<string> {
    return [...this.#given].filter((given) => this.#sessionOf(given) === undefined)
  }

  #sessionOf(given: string): Session | undefined {
    const begun = this.#begun.get(given)
    return this.#exact.get(given) ?? (begun?.size === 1 ? [...begun.values()][0] : undefined)
  }
}

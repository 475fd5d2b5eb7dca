/**
 * The sessions that are looked for, by their ids or by how those begin.
 */
import type { Session } from "@hb-sessions/core/Session"

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

/** The fewest characters that may stand for an id. */
export const LEAST = 4

/** Takes the sessions of a list in any order, and keeps those that are meant. */
export class Wanted {
  /** What was given, without the ellipsis of a table. */
  readonly #given: ReadonlyArray<string>
  readonly #exact = new Map<string, Session>()
  readonly #begun = new Map<string, Map<string, Session>>()

  constructor(ids: ReadonlyArray<string>) {
    this.#given = [...new Set(ids.map((id) => id.replace(/(?:…|\.\.\.)$/, "")))]
    for (const given of this.#given) {
      if (given.length >= LEAST && !UUID.test(given)) this.#begun.set(given, new Map())
    }
  }

  /** Whether every one is a whole id, so that none needs the whole list. */
  get isExact(): boolean {
    return this.#begun.size === 0
  }

  /** Whether each has been met as a whole id. */
  get isDone(): boolean {
    return this.#exact.size === this.#given.length
  }

  take(sessions: ReadonlyArray<Session>): void {
    for (const session of sessions) {
      if (this.#given.includes(session.id)) this.#exact.set(session.id, session)
      for (const [given, matches] of this.#begun) {
        if (session.id.startsWith(given)) matches.set(session.id, session)
      }
    }
  }

  /** What begins several ids and is none. */
  get ambiguous(): { readonly given: string; readonly ids: ReadonlyArray<string> } | undefined {
    const given = this.#given.find((each) => !this.#exact.has(each) && (this.#begun.get(each)?.size ?? 0) > 1)
    return given === undefined ? undefined : { given, ids: [...(this.#begun.get(given)?.keys() ?? [])] }
  }

  get found(): ReadonlyArray<Session> {
    const sessions = this.#given.flatMap((given) => this.#sessionOf(given) ?? [])
    return [...new Map(sessions.map((session) => [session.id, session])).values()]
  }

  get missing(): ReadonlyArray<string> {
    return this.#given.filter((given) => this.#sessionOf(given) === undefined)
  }

  #sessionOf(given: string): Session | undefined {
    const begun = this.#begun.get(given)
    return this.#exact.get(given) ?? (begun?.size === 1 ? [...begun.values()][0] : undefined)
  }
}

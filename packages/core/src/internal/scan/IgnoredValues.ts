/**
 * How many values had no meaning, by path: those of each session once, those of pages as often as they came.
 */
import type { Session } from "../../Session.ts"
import type { DecodedPage } from "../../SessionPage.ts"
import { sentValues } from "../asSent.ts"

/** What a page tells beside its rows. */
const pageKeys = ["page", "pageSize", "perPage", "totalCount"] as const

export class IgnoredValues {
  readonly #counts = new Map<string, number>()

  /** Counts those beside the rows of a page. */
  addPage({ ignoredValues }: DecodedPage): void {
    if (ignoredValues === undefined) return
    for (const key of pageKeys) this.#add(key, ignoredValues[key] ?? 0)
  }

  addSession(session: Session): void {
    for (const { kind, path } of sentValues(session)) if (kind === "ignored") this.#add(path.join("."), 1)
  }

  #add(path: string, count: number): void {
    if (count > 0) this.#counts.set(path, (this.#counts.get(path) ?? 0) + count)
  }

  forget(): void {
    this.#counts.clear()
  }

  /** By path, in order. */
  get byPath(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }
}

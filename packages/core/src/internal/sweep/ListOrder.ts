/**
 * The order of a list as a read observes it, by `createdAt`.
 */
import type { Session } from "../../Session.ts"

/** `unknown` until two sessions differ in `createdAt`. */
export type ListOrder = "newest-first" | "oldest-first" | "other" | "unknown"

/** Observes rows, each once and in the order of the list. */
export class OrderObserver {
  #previous: number | undefined
  #rose = false
  #fell = false

  add({ createdAt }: Session): void {
    if (createdAt === undefined) return
    if (this.#previous !== undefined) {
      this.#rose ||= createdAt > this.#previous
      this.#fell ||= createdAt < this.#previous
    }
    this.#previous = createdAt
  }

  get order(): ListOrder {
    if (this.#rose) return this.#fell ? "other" : "oldest-first"
    return this.#fell ? "newest-first" : "unknown"
  }
}

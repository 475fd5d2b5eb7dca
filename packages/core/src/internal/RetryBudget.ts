/**
 * How many retries all the requests of one read may cost together, so that an outage does not become a storm.
 */
import * as Context from "effect/Context"

/** Retries that each successful request adds: a server that fails half of its requests can still be read. */
const EARNED_BY_SUCCESS = 1

/** Retries that can be saved up, in multiples of those that a read has from the start. */
const MOST = 8

/** A count of retries that is spent by retrying and earned by succeeding. */
export class RetryBudget {
  readonly #most: number
  #left: number

  /** `initial` retries can be spent before any request succeeded. */
  constructor(initial: number) {
    this.#left = initial
    this.#most = initial * MOST
  }

  /** Takes one retry; false when there is none left. */
  spend(): boolean {
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }

  /** Notes a successful request. */
  earn(): void {
    this.#left = Math.min(this.#most, this.#left + EARNED_BY_SUCCESS)
  }
}

/** The budget of the read that a request belongs to; undefined for a request of its own. */
export const CurrentRetryBudget = Context.Reference<RetryBudget | undefined>("@hb-sessions/core/RetryBudget", {
  defaultValue: () => undefined
})

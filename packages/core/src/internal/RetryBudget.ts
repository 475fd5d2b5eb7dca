/**
 * How many retries requests may cost together, so that an outage does not become a storm of them.
 *
 * A read has a budget of its own, and so may a client: a retry must be paid from both.
 */
import * as Context from "effect/Context"

/** A count of retries that is spent by retrying and earned by succeeding. */
export class RetryBudget {
  readonly #most: number
  readonly #earned: number
  #left: number

  private constructor(initial: number, rules: { readonly most: number; readonly earned: number }) {
    this.#left = initial
    this.#most = rules.most
    this.#earned = rules.earned
  }

  /** Of a read: each success earns one, so that a server which fails half of its requests can still be read. */
  static readonly ofRead = (initial: number): RetryBudget => new RetryBudget(initial, { most: 8 * initial, earned: 1 })

  /** Of a client: each success earns a fifth, so that retries add a fifth to the load in the long run. */
  static readonly ofClient = (initial: number): RetryBudget => new RetryBudget(initial, { most: initial, earned: 0.2 })

  /** Whether a retry can be paid. */
  get hasRetry(): boolean {
    return this.#left >= 1
  }

  /** Takes one retry. */
  spend(): void {
    this.#left -= 1
  }

  /** Gives back a retry that was not made. */
  giveBack(): void {
    this.#left += 1
  }

  /** Notes a successful request. */
  earn(): void {
    this.#left = Math.max(this.#left, Math.min(this.#most, this.#left + this.#earned))
  }
}

/** The budget of the read that a request belongs to; undefined for a request of its own. */
export const CurrentRetryBudget = Context.Reference<RetryBudget | undefined>("@hb-sessions/core/RetryBudget", {
  defaultValue: () => undefined
})

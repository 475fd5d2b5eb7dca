/**
 * A limited number of places, shared fairly among tokens: one alone may take all, and gives way when others come.
 */

/** What has a place. */
export interface Occupant {
  /** Ends it, as its place is needed. */
  readonly giveWay: () => void
  /** Steady milliseconds since its client last read; undefined while it reads. */
  readonly blockedSince: number | undefined
}

/** A place that is taken. */
export interface Place {
  readonly leave: () => void
}

/** How places are shared. */
export interface FairPlacesOptions {
  readonly max: number
  /** Further places for tokens that have fewer than their share; the last half is for those that have none. */
  readonly extra: number
  /** Whether an occupant can give way: all of them, or those whose clients do not read. */
  readonly yields: "all" | "blocked"
}

/** How long a client must not have read, in milliseconds, before its place is given to a token with fewer. */
const BLOCKED_MILLIS = 1000
/** And before it is given to anybody. */
const DEAF_MILLIS = 5000

/**
 * Places by token.
 *
 * **Details**
 *
 * When all are taken, one of the token with the most gives way to a token that would still have fewer: the newest, or
 * that whose client has not read for the longest. A token with fewer than its share has the extra ones to fall back on.
 */
export class FairPlaces {
  private readonly byOwner = new Map<string, Set<Occupant>>()
  private readonly options: FairPlacesOptions
  private taken = 0

  constructor(options: FairPlacesOptions) {
    this.options = options
  }

  /** Places that are taken. */
  get size(): number {
    return this.taken
  }

  /** Takes a place at `now`, steady milliseconds; undefined when there is none. */
  take(owner: string, occupant: Occupant, now: number): Place | undefined {
    const own = this.byOwner.get(owner)?.size ?? 0
    if (this.taken >= this.options.max && !this.makeWay(own, now) && !this.hasExtra(own)) return undefined
    const occupants = this.byOwner.get(owner) ?? new Set()
    this.byOwner.set(owner, occupants)
    occupants.add(occupant)
    this.taken += 1
    return { leave: () => this.leave(owner, occupant) }
  }

  /** Whether one of the extra places is for a token that has `own` places. */
  private hasExtra(own: number): boolean {
    const { extra, max } = this.options
    if (own === 0) return this.taken < max + extra
    return own < Math.floor(max / this.byOwner.size) && this.taken < max + Math.floor(extra / 2)
  }

  /** Ends an occupant for a token that has `own` places. */
  private makeWay(own: number, now: number): boolean {
    for (const [owner, occupants] of [...this.byOwner].toSorted(([, a], [, b]) => b.size - a.size)) {
      const isRich = occupants.size > own + 1
      const chosen =
        this.options.yields === "all"
          ? isRich && [...occupants].at(-1)
          : longestBlocked(occupants, now - (isRich ? BLOCKED_MILLIS : DEAF_MILLIS))
      if (chosen === undefined || chosen === false) continue
      this.leave(owner, chosen)
      chosen.giveWay()
      return true
    }
    return false
  }

  private leave(owner: string, occupant: Occupant): void {
    const occupants = this.byOwner.get(owner)
    if (occupants === undefined || !occupants.delete(occupant)) return
    this.taken -= 1
    if (occupants.size === 0) this.byOwner.delete(owner)
  }
}

const longestBlocked = (occupants: ReadonlySet<Occupant>, before: number): Occupant | undefined => {
  let longest: Occupant | undefined
  for (const occupant of occupants) {
    const { blockedSince } = occupant
    if (blockedSince === undefined || blockedSince > before) continue
    if (longest?.blockedSince === undefined || blockedSince < longest.blockedSince) longest = occupant
  }
  return longest
}

/**
 * A limited number of places, shared fairly among accounts and their tokens: one alone may take all, and gives way when
 * others come.
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
  /**
   * Further places for tokens that have fewer than their share; the last half is for those that have none. As many again
   * are for accounts that have none.
   */
  readonly extra: number
  /** Whether an occupant can give way: all of them, or those whose clients do not read. */
  readonly yields: "all" | "blocked"
}

/** How long a client must not have read, in milliseconds, before its place is given to a token with fewer. */
const BLOCKED_MILLIS = 1000
/** And before it is given to anybody. */
const DEAF_MILLIS = 5000

/** What the tokens of an account have. */
interface Group {
  taken: number
  readonly byOwner: Map<string, Set<Occupant>>
}

/**
 * Places by account and token.
 *
 * **Details**
 *
 * When all are taken, one of the account with the most gives way to an account that would still have fewer, and within
 * an account one of the token with the most to a token that would still have fewer: the newest, or that whose client has
 * not read for the longest. A token with fewer than its share has the extra ones to fall back on.
 */
export class FairPlaces {
  private readonly groups = new Map<string, Group>()
  private readonly options: FairPlacesOptions
  private taken = 0
  private owners = 0

  constructor(options: FairPlacesOptions) {
    this.options = options
  }

  /** Places that are taken. */
  get size(): number {
    return this.taken
  }

  /** Takes a place at `now`, steady milliseconds, for a token of an account; undefined when there is none. */
  take(owner: string, occupant: Occupant, now: number, account = ""): Place | undefined {
    const found = this.groups.get(account)
    const own = found?.byOwner.get(owner)?.size ?? 0
    const ofAccount = found?.taken ?? 0
    if (
      this.taken >= this.options.max &&
      !this.makeWay(account, own, ofAccount, now) &&
      !this.hasExtra(own, ofAccount)
    ) {
      return undefined
    }
    const group: Group = this.groups.get(account) ?? { taken: 0, byOwner: new Map() }
    this.groups.set(account, group)
    let occupants = group.byOwner.get(owner)
    if (occupants === undefined) {
      occupants = new Set()
      group.byOwner.set(owner, occupants)
      this.owners += 1
    }
    occupants.add(occupant)
    group.taken += 1
    this.taken += 1
    return { leave: () => this.leave(account, owner, occupant) }
  }

  /** Whether one of the extra places is for a token that has `own` places, and its account `ofAccount`. */
  private hasExtra(own: number, ofAccount: number): boolean {
    const { extra, max } = this.options
    if (ofAccount === 0) return this.taken < max + 2 * extra
    if (own === 0) return this.taken < max + extra
    return own < Math.floor(max / this.owners) && this.taken < max + Math.floor(extra / 2)
  }

  /** Ends an occupant for a token that has `own` places, and its account `ofAccount`. */
  private makeWay(wanting: string, own: number, ofAccount: number, now: number): boolean {
    for (const [account, group] of [...this.groups].toSorted(([, a], [, b]) => b.taken - a.taken)) {
      const isRichAccount = account !== wanting && group.taken > ofAccount + 1
      for (const [owner, occupants] of [...group.byOwner].toSorted(([, a], [, b]) => b.size - a.size)) {
        const isRich = isRichAccount || (account === wanting && occupants.size > own + 1)
        const chosen =
          this.options.yields === "all"
            ? isRich && [...occupants].at(-1)
            : longestBlocked(occupants, now - (isRich ? BLOCKED_MILLIS : DEAF_MILLIS))
        if (chosen === undefined || chosen === false) continue
        this.leave(account, owner, chosen)
        chosen.giveWay()
        return true
      }
    }
    return false
  }

  private leave(account: string, owner: string, occupant: Occupant): void {
    const group = this.groups.get(account)
    const occupants = group?.byOwner.get(owner)
    if (group === undefined || occupants === undefined || !occupants.delete(occupant)) return
    this.taken -= 1
    group.taken -= 1
    if (occupants.size === 0) {
      group.byOwner.delete(owner)
      this.owners -= 1
    }
    if (group.taken === 0) this.groups.delete(account)
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

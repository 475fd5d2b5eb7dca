/**
 * The rules that the proofs rest on, in one place, so that a test can break each of them and see that it is missed.
 */
import type { Response } from "./Responses.ts"

/** What a read takes for granted, and what it checks. */
export interface Rules {
  /** The number of the clock at which the rows of a response count as read. */
  readonly readAt: (response: Response) => number
  /** An id is known before a moment if it was first read at a number of the clock below this one. */
  readonly knownBefore: (moment: Response) => number
  /** An id is known after a moment if it was last asked for at a number of the clock above this one. */
  readonly knownAfter: (moment: Response) => number
  /** Whether a row is emitted, given whether its id was never read before. */
  readonly isEmitted: (isNew: boolean) => boolean
  /** Whether an answer that names a page is the answer to the request. */
  readonly isEcho: (requested: number, received: number) => boolean
  /** Whether rows may leave the list that is read, given whether the server filters it. */
  readonly mayLose: (isFiltered: boolean) => boolean
  /** Which total the ids read before a moment must add up to. */
  readonly totalToReach: (moment: number, first: number) => number
  /** Between which totals the rows of a response were read, given those told before and after it, and its own. */
  readonly placedBetween: (
    bounds: readonly [low: number, high: number],
    told: number | undefined
  ) => readonly [low: number, high: number]
  /** Whether no row left the list, given how many fewer it holds than entered it. */
  readonly noneLeft: (left: number) => boolean
  /** Whether a list that nothing leaves may look as it was seen to, given what was seen. */
  readonly onlyGrew: (seen: {
    readonly totalFell: boolean
    readonly endsAgree: boolean
    readonly overlapsAgree: boolean
    readonly keptRows: boolean
    readonly sawLateStart: boolean
  }) => boolean
  /** Whether pages of a list that grows at its head only may share rows as they do, given whether totals explain it. */
  readonly overlapsAgree: (agree: boolean) => boolean
  /** Whether the rows of a list may be beyond its total, given whether they were again when they were looked for. */
  readonly mayExceed: (isBeyond: boolean) => boolean
  /** Whether a read goes on to the page after a full last one. */
  readonly looksPastEnd: boolean
  /** Where the clock of a scan that was restored stands, given the last number that it gave before. */
  readonly restoredClock: (last: number) => number
  /** Behind which page it goes on, given the last one that was taken, and the last one whose response was complete. */
  readonly restoredPage: (taken: number, completed: number) => number
}

/** The rules of every read outside of the tests. */
export const rules: Rules = {
  readAt: ({ completed }) => completed,
  knownBefore: ({ asked }) => asked,
  knownAfter: ({ completed }) => completed,
  isEmitted: (isNew) => isNew,
  isEcho: (requested, received) => requested === received,
  mayLose: (isFiltered) => isFiltered,
  totalToReach: (moment) => moment,
  placedBetween: (bounds) => bounds,
  noneLeft: (left) => left === 0,
  onlyGrew: ({ endsAgree, keptRows, overlapsAgree, sawLateStart, totalFell }) =>
    endsAgree && keptRows && overlapsAgree && !sawLateStart && !totalFell,
  overlapsAgree: (agree) => agree,
  mayExceed: (isBeyond) => !isBeyond,
  looksPastEnd: true,
  restoredClock: (last) => last,
  restoredPage: (taken) => taken
}

/**
 * What is learnt of the sessions while they are received.
 */
import { hasEnded, type Session } from "@hb-sessions/core/Session"
import { joinTeams } from "../publish/Account.ts"
import type { Plan, Progress } from "../resume/Checkpoint.ts"
import { isPlausible } from "./PlausibleTime.ts"

/** What a session is seen with. */
export interface Circumstances {
  readonly plan: Plan
  /** The server's clock, epoch milliseconds. */
  readonly now: number
  /** Whether the session is part of what was written before. */
  readonly isWritten: boolean
}

/** What is known before the first session. */
export const nothing: Progress = { received: 0, undatedOpen: false, implausible: 0, teams: [] }

/** Progress after one session more. */
export const observe = (
  progress: { -readonly [K in keyof Progress]: Progress[K] },
  session: Session,
  { isWritten, now, plan }: Circumstances
): void => {
  const { createdAt, teamId } = session
  const isOpen = !isFinal(session)
  progress.received++
  if (teamId !== undefined && !progress.teams.includes(teamId)) progress.teams = joinTeams(progress.teams, [teamId])
  if (createdAt === undefined) {
    // Times leave out what has none.
    progress.undatedOpen ||= isOpen && plan.since === undefined && plan.until === undefined
    return
  }
  const canBeWanted = isWritten || plan.since === undefined || createdAt >= plan.since
  if (!isPlausible(createdAt, now)) {
    progress.implausible++
    // A time that is too late is at the head of the list, where each run looks.
    progress.undatedOpen ||= isOpen && canBeWanted && createdAt < now
    return
  }
  progress.newestCreatedAt = Math.max(progress.newestCreatedAt ?? createdAt, createdAt)
  if (isOpen && canBeWanted) progress.oldestOpen = Math.min(progress.oldestOpen ?? createdAt, createdAt)
}

/** Whether a session does not change any more. */
export const isFinal = (session: Session): boolean => hasEnded(session)

/**
 * What a run learns from the sessions that it receives.
 */
import { hasEnded, type Session } from "@hb-sessions/core/Session"
import { addTeam } from "../publish/Account.ts"
import type { Plan, Progress } from "../resume/Checkpoint.ts"
import { isPlausible } from "./PlausibleTime.ts"

/** The context of an observation. */
export interface Circumstances {
  readonly plan: Plan
  /** The server's clock, epoch milliseconds. */
  readonly now: number
  /** Whether a previous generation has written the session. */
  readonly isWritten: boolean
}

/** The progress before the first session. */
export const nothing: Progress = { received: 0, undatedOpen: false, implausible: 0, teams: [] }

/** Updates the progress with a session. */
export const observe = (
  progress: { -readonly [K in keyof Progress]: Progress[K] },
  session: Session,
  { isWritten, now, plan }: Circumstances
): void => {
  const { createdAt, teamId } = session
  const isOpen = !isFinal(session)
  progress.received++
  if (teamId !== undefined) progress.teams = addTeam(progress.teams, teamId)
  if (createdAt === undefined) {
    // A time filter leaves it out.
    progress.undatedOpen ||= isOpen && plan.since === undefined && plan.until === undefined
    return
  }
  const canBeWanted = isWritten || plan.since === undefined || createdAt >= plan.since
  if (!isPlausible(createdAt, now)) {
    progress.implausible++
    // A time that is too late is at the head of the list, which every run reads.
    progress.undatedOpen ||= isOpen && canBeWanted && createdAt < now
    return
  }
  progress.newestCreatedAt = Math.max(progress.newestCreatedAt ?? createdAt, createdAt)
  if (isOpen && canBeWanted) progress.oldestOpen = Math.min(progress.oldestOpen ?? createdAt, createdAt)
}

/** Whether a session can no longer change. */
export const isFinal = (session: Session): boolean => hasEnded(session)

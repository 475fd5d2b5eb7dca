/**
 * Reads all sessions that the token of a visit may see.
 */
import type { Session } from "@hb-sessions/core/Session"
import { listOf, Problem } from "./api.ts"
import { numberText } from "./numberText.ts"
import type { Visit } from "./Visit.ts"

/** Most sessions that are read; the rest is left to the other endpoints. */
const MAX_SESSIONS = 100_000

/** What is told while the list is read. */
export interface ReadListOptions {
  readonly onSessions: (sessions: ReadonlyArray<Session>) => void
  readonly onProgress: (text: string, isReading: boolean) => void
}

/** Reads the list into the visit, and says how it went; throws a `Problem` when it cannot be read. */
export const readList = async (visit: Visit, options: ReadListOptions): Promise<void> => {
  try {
    await readStatuses(visit, [], options)
  } catch (error) {
    // A token of some statuses must name them, and is told which.
    if (!(error instanceof Problem) || error.statuses.length === 0) throw error
    await readStatuses(visit, error.statuses, options)
  }
}

const readStatuses = async (
  { rows, signal, token }: Visit,
  statuses: ReadonlyArray<string>,
  { onProgress, onSessions }: ReadListOptions
): Promise<void> => {
  const list = listOf(token, statuses, signal)
  for (;;) {
    // oxlint-disable-next-line eslint/no-await-in-loop -- the pieces of a list follow each other
    const step = await list.next()
    if (step.done === true) {
      const seen = statuses.length === 0 ? "" : ` This token sees these statuses only: ${statuses.join(", ")}.`
      const proof = step.value.isProven ? "" : " The list could not be proven complete; some may be missing."
      return onProgress(`Read at ${new Date().toLocaleTimeString()}.${proof}${seen}`, false)
    }
    onSessions(step.value)
    onProgress(`Reading: ${numberText(rows.size)} sessions so far.`, true)
    if (rows.size < MAX_SESSIONS) continue
    // oxlint-disable-next-line eslint/no-await-in-loop -- it ends the loop
    await list.return({ isProven: false })
    return onProgress(`Only the first ${numberText(MAX_SESSIONS)} sessions are shown.`, false)
  }
}

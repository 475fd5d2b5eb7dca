/**
 * The active sessions, followed while the page is open, through breaks of the network.
 */
import type { Session } from "@hb-sessions/core/Session"
import { detailOf, eventsOf, isRecord, Problem, sessionsOf, textsIn } from "./api.ts"
import { EventParser, type ServerEvent } from "./EventParser.ts"
import { numberText } from "./numberText.ts"
import { parseExactly } from "./parseExactly.ts"
import type { News } from "./Visit.ts"
import { untilSeen, whileSeen } from "./whileSeen.ts"

/** What is told. */
export interface LiveOptions {
  readonly token: string
  readonly signal: AbortSignal
  /** Says how things stand. */
  readonly onState: (text: string) => void
  readonly onNews: (news: News) => void
  /** The token is not valid any more. */
  readonly onEnded: (problem: Problem) => void
}

const FIRST_WAIT = 1000
const LONGEST_WAIT = 30_000

const bodyOf = (text: string): Readonly<Record<string, unknown>> => {
  const value = parseExactly(text)
  return isRecord(value) ? value : {}
}

const sessionsIn = (value: unknown): ReadonlyArray<Session> =>
  Array.isArray(value) ? sessionsOf(value.map((one) => JSON.stringify(one))) : []

const stateText = (count: number, isWhole: boolean): string =>
  `Live: ${numberText(count)} active${isWhole ? "" : "; there are more"}.`

/** Follows them until the signal ends it. */
export const follow = async ({ onEnded, onNews, onState, signal, token }: LiveOptions): Promise<void> => {
  const active = new Map<string, Session>()
  let lastId = ""
  let wait = FIRST_WAIT
  let isWhole = true

  const take = ({ data, event }: ServerEvent) => {
    const body = bodyOf(data)
    if (event === "problem") {
      return onState(`The proxy cannot ask the upstream: ${detailOf(body)}. It tries again.`)
    }
    const isSnapshot = event === "snapshot"
    if (!isSnapshot && event !== "change") return
    const changed = isSnapshot
      ? sessionsIn(body["sessions"])
      : [...sessionsIn(body["added"]), ...sessionsIn(body["changed"])]
    const now = new Set<string>(changed.map(({ id }) => id))
    const gone = isSnapshot ? [...active.keys()].filter((id) => !now.has(id)) : textsIn(body["removed"])
    for (const id of gone) active.delete(id)
    for (const session of changed) active.set(session.id, session)
    isWhole = body["whole"] !== false
    onState(stateText(active.size, isWhole))
    onNews({ active, changed, gone })
  }

  while (!signal.aborted) {
    if (document.hidden) onState("Paused while this tab is in the background.")
    // oxlint-disable-next-line eslint/no-await-in-loop -- one stream at a time
    await untilSeen(signal)
    const parser = new EventParser(lastId)
    const seen = whileSeen(signal)
    let isPaused = false
    try {
      const onOpen = () => {
        wait = FIRST_WAIT
        // With the id of an event, there is an event only if something has changed.
        onState(lastId === "" ? "Connected; waiting for the first news." : stateText(active.size, isWhole))
      }
      // oxlint-disable-next-line eslint/no-await-in-loop -- one stream at a time
      for await (const event of eventsOf(token, parser, onOpen, seen.signal)) take(event)
      onState("The stream of events ended; it is opened again.")
    } catch (error) {
      if (signal.aborted) return
      isPaused = seen.signal.aborted
      const problem = error instanceof Problem ? error : new Problem("The events cannot be read.", 0)
      if (problem.status === 401) return onEnded(problem)
      if (problem.statuses.length > 0) return onState("This token may not see which sessions are active.")
      if (!isPaused) onState(`${problem.message} What is shown may be old; trying again.`)
    } finally {
      seen.end()
    }
    lastId = parser.lastId
    if (isPaused) continue
    // oxlint-disable-next-line eslint/no-await-in-loop -- waits before the next try
    await pause(Math.max(wait, parser.retry ?? 0), signal)
    wait = Math.min(wait * 2, LONGEST_WAIT)
  }
}

/** Waits, but no longer than until the network is back. */
const pause = (millis: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      removeEventListener("online", done)
      signal.removeEventListener("abort", done)
      resolve()
    }
    const timer = setTimeout(done, millis * (0.8 + Math.random() * 0.4))
    addEventListener("online", done)
    signal.addEventListener("abort", done)
  })

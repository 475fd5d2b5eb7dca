/**
 * The active sessions, followed while the page is open, through breaks of the network.
 */
import { ActiveSessions, bodyOf, type News } from "./ActiveSessions.ts"
import { detailOf, eventsOf, Problem } from "./api.ts"
import { EventParser, type ServerEvent } from "./EventParser.ts"
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

/** Follows them until the signal ends it. */
export const follow = async ({ onEnded, onNews, onState, signal, token }: LiveOptions): Promise<void> => {
  const active = new ActiveSessions()
  let lastId = ""
  let wait = FIRST_WAIT

  const take = (event: ServerEvent) => {
    wait = FIRST_WAIT
    if (event.event === "problem") {
      return onState(`The proxy cannot ask the upstream: ${detailOf(bodyOf(event))}. It tries again.`)
    }
    const news = active.take(event)
    if (news === undefined) return
    onState(active.text)
    onNews(news)
  }

  while (!signal.aborted) {
    if (document.hidden) onState("Paused while this tab is in the background.")
    // oxlint-disable-next-line eslint/no-await-in-loop -- one stream at a time
    await untilSeen(signal)
    const parser = new EventParser(lastId)
    const seen = whileSeen(signal)
    let isPaused = false
    try {
      // With the id of an event, there is an event only if something has changed.
      const onOpen = () => onState(lastId === "" ? "Connected; waiting for the first news." : active.text)
      // oxlint-disable-next-line eslint/no-await-in-loop -- one stream at a time
      for await (const event of eventsOf(token, parser, onOpen, seen.signal)) take(event)
      onState("The stream of events ended; it is opened again.")
    } catch (error) {
      if (signal.aborted) return
      isPaused = seen.signal.aborted
      // What follows an event that cannot be read makes no sense.
      if (!isPaused && !(error instanceof Problem)) parser.lastId = ""
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

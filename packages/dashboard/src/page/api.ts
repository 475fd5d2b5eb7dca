/**
 * What the page asks of the proxy, with the token in a header.
 */
import * as SessionPageJson from "@hb-sessions/core/SessionPageJson"
import type { Session } from "@hb-sessions/core/Session"
import * as Result from "effect/Result"
import { EventParser, type ServerEvent } from "./EventParser.ts"

/** A request that was rejected, or that failed. */
export class Problem extends Error {
  /** The status of the answer; 0 without one. */
  readonly status: number
  /** The statuses that the token may see, where it must name some. */
  readonly statuses: ReadonlyArray<string>

  constructor(message: string, status: number, statuses: ReadonlyArray<string> = []) {
    super(message)
    this.status = status
    this.statuses = statuses
  }
}

/** Whether a value has keys to look up. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** The texts of a list; none of what is no list. */
export const textsIn = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value) ? value.filter((one) => typeof one === "string") : []

/** The `detail` of a problem. */
export const detailOf = (problem: unknown): string =>
  isRecord(problem) && typeof problem["detail"] === "string" ? problem["detail"].slice(0, 500) : "no details"

const ask = async (path: string, token: string, signal: AbortSignal, headers: Record<string, string> = {}) => {
  let response: Response
  try {
    response = await fetch(path, {
      headers: { "x-api-key": token, ...headers },
      signal,
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer"
    })
  } catch {
    signal.throwIfAborted()
    throw new Problem("The server cannot be reached.", 0)
  }
  if (response.ok) return response
  const body: unknown = await response.json().catch(() => undefined)
  throw new Problem(
    `The server answered ${response.status}: ${detailOf(body)}.`,
    response.status,
    isRecord(body) ? textsIn(body["allowedStatuses"]) : []
  )
}

/** The text of an answer; nothing comes any more once the signal is aborted. */
async function* piecesOf(response: Response, signal: AbortSignal): AsyncGenerator<string> {
  const reader = (response.body ?? new ReadableStream<Uint8Array>()).getReader()
  const decoder = new TextDecoder()
  try {
    for (;;) {
      // oxlint-disable-next-line eslint/no-await-in-loop -- the pieces of an answer follow each other
      const { done, value } = await reader.read()
      signal.throwIfAborted()
      if (done) return
      yield decoder.decode(value, { stream: true })
    }
  } catch {
    signal.throwIfAborted()
    throw new Problem("The answer was cut.", 0)
  } finally {
    reader.cancel().catch(() => {})
  }
}

/** Reads sessions from their JSON texts, as core reads them. */
export const sessionsOf = (texts: ReadonlyArray<string>): ReadonlyArray<Session> =>
  Result.match(SessionPageJson.decode(`{"sessions":[${texts.join(",")}]}`), {
    onFailure: () => [],
    onSuccess: ({ sessions }) => sessions
  })

/** Sessions that are decoded between two turns of the page. */
const BATCH = 250

/** Lets the page do something else; a timer would take a second, and later a minute, in a tab in the background. */
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.addEventListener("message", () => {
      port1.close()
      resolve()
    })
    port1.start()
    port2.postMessage(undefined)
  })

/** How a list ended. */
export interface Ending {
  readonly isProven: boolean
}

/** Reads the list as it comes; gives batches. */
export async function* listOf(
  token: string,
  statuses: ReadonlyArray<string>,
  signal: AbortSignal
): AsyncGenerator<ReadonlyArray<Session>, Ending> {
  const query = statuses.length === 0 ? "" : `?${new URLSearchParams({ status: statuses.join(",") }).toString()}`
  const response = await ask(`v1/sessions.ndjson${query}`, token, signal, { accept: "application/x-ndjson" })
  let rest = ""
  let last = ""
  let waiting: Array<string> = []
  for await (const piece of piecesOf(response, signal)) {
    const lines = (rest + piece).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) {
      const text = line.trim()
      if (text === "") continue
      last = text
      waiting.push(text)
      if (waiting.length <= BATCH) continue
      yield sessionsOf(waiting.slice(0, BATCH))
      waiting = waiting.slice(BATCH)
      // oxlint-disable-next-line eslint/no-await-in-loop -- lets the page draw between two batches
      await turn()
      signal.throwIfAborted()
    }
  }
  if (!last.startsWith('{"report":')) {
    yield sessionsOf(waiting)
    throw new Problem("The list was cut.", 0)
  }
  yield sessionsOf(waiting.slice(0, -1))
  return { isProven: last.includes('"status":"proven"') }
}

/**
 * Milliseconds of silence after which a stream of events is given up: the network may lose a connection without a word.
 * The proxy answers at once, and then sends a comment every few seconds.
 */
const [UNANSWERED, SILENCE] = [15_000, 60_000]

/** Reads the events until the stream ends. */
export async function* eventsOf(
  token: string,
  parser: EventParser,
  onOpen: () => void,
  signal: AbortSignal
): AsyncGenerator<ServerEvent> {
  const silence = new AbortController()
  const giveUp = () => silence.abort(new Problem("The server is silent.", 0))
  let timer = setTimeout(giveUp, UNANSWERED)
  const listening = AbortSignal.any([signal, silence.signal])
  try {
    const response = await ask("v1/events", token, listening, {
      accept: "text/event-stream",
      ...(parser.lastId === "" ? {} : { "last-event-id": parser.lastId })
    })
    const heard = () => {
      clearTimeout(timer)
      timer = setTimeout(giveUp, SILENCE)
    }
    heard()
    onOpen()
    for await (const piece of piecesOf(response, listening)) {
      heard()
      yield* parser.push(piece)
    }
  } finally {
    clearTimeout(timer)
  }
}

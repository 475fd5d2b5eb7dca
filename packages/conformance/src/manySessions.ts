/**
 * Reads as many sessions as its first argument says, and says how: run by the memory test in a process with little memory.
 *
 * Prints one line of JSON. The pages are made when they are asked for, so all memory in use is the reader's.
 */
import { type Session, SessionId } from "@hb-sessions/core/Session"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import { Console, Effect, Stream } from "effect"

const SESSIONS = Number(process.argv[2])
/** A filtered list is read twice; smaller pages make more responses to remember. */
const isFiltered = process.argv.includes("--filtered")
const PAGE_SIZE = isFiltered ? 50 : 100

const hex = (number: number) => (number >>> 0).toString(16).padStart(8, "0")

/** The UUIDs of one machine: not random, and each of them different. */
const sessionAt = (index: number): Session => {
  const mixed = hex(Math.imul(index + 1, 0x9e3779b1))
  return {
    id: SessionId.make(`${hex(index)}-${mixed.slice(0, 4)}-4000-a000-${mixed}0000`),
    status: "closed",
    createdAt: 1_700_000_000_000 - index
  }
}

const client = SessionsClient.of({
  getPage: ({ page = 1 }) =>
    Effect.sync(() => ({
      // A read looks past the end.
      sessions: Array.from({ length: page > SESSIONS / PAGE_SIZE ? 0 : PAGE_SIZE }, (_, index) =>
        sessionAt((page - 1) * PAGE_SIZE + index)
      ),
      page,
      pageSize: PAGE_SIZE,
      totalCount: SESSIONS
    })),
  getPageResponse: () => Effect.die("not used")
})

const program = Effect.gen(function* () {
  let count = 0
  let report: ScanReport | undefined
  const start = process.memoryUsage().arrayBuffers
  let bytesPerId = 0
  const onReport = (value: ScanReport) =>
    Effect.sync(() => {
      report = value
      // What the reader still holds at its end, without what it has given up.
      globalThis.gc?.()
      bytesPerId = (process.memoryUsage().arrayBuffers - start) / value.distinctRows
    })
  yield* Sessions.stream({ onReport, ...(isFiltered ? { status: "closed" } : {}) }).pipe(
    Stream.runForEachArray((sessions) =>
      Effect.sync(() => {
        count += sessions.length
      })
    )
  )
  yield* Console.log(JSON.stringify({ count, report, bytesPerId, rss: process.memoryUsage().rss }))
})

await Effect.runPromise(Effect.provideService(program, SessionsClient, client))

/**
 * Reads the whole list by the reader that is named, once for each line of the input, and prints what each read cost.
 */
import { createInterface } from "node:readline"
import { type Reader, readerOf } from "./readWith.ts"

/** What one read took: wall and CPU time, both in milliseconds. */
export interface Turn {
  readonly sessions: number
  readonly wall: number
  readonly cpu: number
}

if (import.meta.main) {
  const read = readerOf(process.argv[2] as Reader)
  for await (const _ of createInterface(process.stdin)) {
    const [started, before] = [performance.now(), process.cpuUsage()]
    const sessions = await read()
    const { system, user } = process.cpuUsage(before)
    const turn: Turn = { sessions, wall: performance.now() - started, cpu: (user + system) / 1000 }
    console.log(JSON.stringify(turn))
  }
}

/**
 * `instructions`: what a read costs, counted rather than timed, as other work on the machine does not change it.
 */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { median } from "./Comparison.ts"
import type { Reader } from "./readWith.ts"
import { type Section, significant, times } from "./Report.ts"
import { programPath } from "./servers/processes.ts"
import { withUpstream } from "./upstream.ts"

const file = fileURLToPath(new URL("./readWith.ts", import.meta.url))

/** Two lengths, as the difference leaves out what it takes to start. */
const SHORT = 5000
const LONG = 15_000

const contestants: ReadonlyArray<readonly [reader: Reader, name: string]> = [
  ["ours", "@hb-sessions/core, proven complete"],
  ["sdk", "@hyperbrowser/sdk in a loop"],
  ["by-hand", "undici by hand, 16 in flight, no checks"],
  ["checked", "by hand with the checks of ours"]
]

const VALGRIND = ["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]

interface Upstream {
  readonly url: string
  readonly apiKey: string
}

/** The instructions of one read, from start to exit, all threads together. */
const countOnce = async (valgrind: string, reader: Reader, { apiKey, url }: Upstream): Promise<number> => {
  const env = { ...process.env, HYPERBROWSER_API_KEY: apiKey, HYPERBROWSER_BASE_URL: url }
  const { stderr } = await promisify(execFile)(valgrind, [...VALGRIND, process.execPath, file, reader], { env })
  const count = /I +refs: +([\d,]+)/.exec(stderr)?.[1]
  if (count === undefined) throw new Error(`valgrind counted nothing: ${stderr}`)
  return Number(count.replaceAll(",", ""))
}

/** Instructions a session, of each contestant in each round. */
const countAll = async (valgrind: string, rounds: number): Promise<ReadonlyArray<ReadonlyArray<number>>> => {
  const of = (sessions: number) =>
    withUpstream(["--sessions", String(sessions)], async (upstream) => {
      const counts: Array<Array<number>> = contestants.map(() => [])
      for (let round = 0; round < rounds; round++) {
        for (const [index, [reader]] of contestants.entries())
          counts[index]?.push(await countOnce(valgrind, reader, upstream))
      }
      return counts
    })
  const [short, long] = [await of(SHORT), await of(LONG)]
  return long.map((counts, index) =>
    counts.map((count, round) => (count - (short[index]?.[round] ?? Number.NaN)) / (LONG - SHORT))
  )
}

export const instructions = async (rounds: number, isQuick: boolean): Promise<Section> => {
  const work = `Read ${SHORT.toLocaleString("en")} and ${LONG.toLocaleString("en")} sessions, 100 a page, in a process of its own each, and count its instructions, those of the compiler and the collector among them. What is told is the difference, for each session.`
  const valgrind = programPath("valgrind")
  if (valgrind === undefined || isQuick) {
    const why = isQuick ? "it takes some 4 minutes" : "valgrind is not installed"
    return { name: "instructions", work, tables: [], claims: [], notes: [`Not counted: ${why}.`] }
  }
  const counts = await countAll(valgrind, rounds)
  const ours = counts[0] ?? []
  return {
    name: "instructions",
    work,
    tables: [
      {
        columns: ["contestant", "its instructions ÷ ours", "instructions a session"],
        rows: contestants.map(([, name], index) => {
          const own = counts[index] ?? []
          const ratios = own.map((count, round) => count / (ours[round] ?? Number.NaN))
          return [name, index === 0 ? "" : times(median(ratios)), significant(median(own))]
        })
      }
    ],
    claims: [],
    notes: ["Claims are of time: instructions do not tell how long one takes, as when it waits for memory."]
  }
}

/**
 * `cpu`: what a client itself costs, from an upstream that answers at once.
 */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { rank } from "./Comparison.ts"
import type { Turn } from "./readInTurns.ts"
import type { Reader } from "./readWith.ts"
import { atLeast, ratioTo, type Section, significant, times } from "./Report.ts"
import { withUpstream } from "./upstream.ts"

const file = fileURLToPath(new URL("./readInTurns.ts", import.meta.url))

const SESSIONS = 60_000

/** Processes of each contestant, one after another: two of the same differ for as long as they live. */
const PROCESSES = 3

/** Reads that warm each process up. */
const WARM_UP = 2

const CHECKED = "by hand with the checks of ours"

const contestants: ReadonlyArray<readonly [reader: Reader, name: string]> = [
  ["ours", "@hb-sessions/core, proven complete"],
  ["sdk", "@hyperbrowser/sdk in a loop"],
  ["pager", "`for await` pager over fetch"],
  ["by-hand", "undici by hand, 16 in flight, no checks"],
  ["fast", '@hb-sessions/core, `consistency: "fast"`'],
  ["checked", CHECKED]
]

/** From a sampled profile of ours, after warming up. */
const CAUSE =
  "Of our CPU time a third is `JSON.parse`, an eighth undici and Node, and a tenth garbage collection, which the others need too; a sixth checks every value and keeps the table of ids that the proof rests on; another sixth is Effect's fibers, timeouts and metrics, and what a read notes of each page. The loop by hand with the same checks, which proves nothing, is the bound of what could be gained."

interface Upstream {
  readonly url: string
  readonly apiKey: string
}

/** A process that reads when it is told to. */
const startReader = (reader: Reader, { apiKey, url }: Upstream) => {
  const env = { PATH: process.env["PATH"] ?? "", HYPERBROWSER_API_KEY: apiKey, HYPERBROWSER_BASE_URL: url }
  const child = spawn(process.execPath, [file, reader], { env, stdio: ["pipe", "pipe", "inherit"] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    read: async (): Promise<Turn> => {
      child.stdin.write("\n")
      const { done, value } = await lines.next()
      if (done === true) throw new Error(`${reader} ended before it had read`)
      const turn: Turn = JSON.parse(value)
      if (turn.sessions !== SESSIONS) throw new Error(`${reader} read ${turn.sessions} sessions of ${SESSIONS}`)
      return turn
    },
    [Symbol.dispose]: () => void child.kill()
  }
}

export const cpu = (rounds: number, isQuick: boolean): Promise<Section> =>
  withUpstream(["--sessions", String(SESSIONS)], async (upstream) => {
    const wall = contestants.map((): Array<number> => [])
    const used = contestants.map((): Array<number> => [])
    for (let process = 0; process < (isQuick ? 1 : PROCESSES); process++) {
      using started = new DisposableStack()
      const readers = contestants.map(([reader]) => started.use(startReader(reader, upstream)))
      for (let round = -WARM_UP; round < rounds; round++) {
        for (const [index, { read }] of readers.entries()) {
          const turn = await read()
          if (round < 0) continue
          wall[index]?.push(turn.wall)
          used[index]?.push(turn.cpu)
        }
      }
    }
    const names = contestants.map(([, name]) => name)
    const [time, work] = [rank(names, wall), rank(names, used)]
    const byHand = ratioTo(work, "undici")
    const bound = byHand / ratioTo(work, CHECKED)
    return {
      name: "cpu",
      work: `Read ${SESSIONS.toLocaleString("en")} sessions, 100 a page, from an upstream that answers at once: what the client itself costs, each in a process of its own that has read before. CPU time is that of the process.`,
      tables: [
        {
          columns: ["contestant", "its CPU time ÷ ours", "range", "ours is as fast", "CPU µs a session"],
          rows: work.map(({ cost, highest, lowest, name, ratio }, index) => [
            name,
            index === 0 ? "" : times(ratio),
            index === 0 ? "" : `${times(lowest)} – ${times(highest)}`,
            index === 0 ? "" : times(time[index]?.ratio ?? Number.NaN),
            significant((cost * 1000) / SESSIONS)
          ])
        }
      ],
      claims: [
        atLeast("CPU time of the SDK's loop ÷ ours", 0.85, ratioTo(work, "@hyperbrowser/sdk"), { cause: CAUSE }),
        atLeast("CPU time of undici by hand ÷ ours, proof included", 0.8, byHand, {
          cause: `${CAUSE} It reaches ${times(bound)} itself.`
        }),
        atLeast("throughput relative to undici by hand", 0.9, ratioTo(time, "undici"), { cause: CAUSE })
      ]
    }
  })

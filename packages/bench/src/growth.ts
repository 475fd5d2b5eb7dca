/**
 * `growth`: what an incremental export costs after many nights: bytes on the disk, files, and the time of a run.
 */
import { startSimulator } from "@hb-sessions/simulator/Simulator"
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { exportOnce } from "./children.ts"
import { median } from "./Comparison.ts"
import { atMost, type Section } from "./Report.ts"

/** Runs of a round; the first round is what the last one is compared with. */
const runsOf = (isQuick: boolean) => (isQuick ? 10 : 50)

/** Sessions that start, and that end, in a night. */
const CHANGES = 5

/** Runs at the end of a round whose time is taken together. */
const LAST = 10

/** From the table: two files and 1.2 ms more for each run. */
const CAUSE =
  "Without compaction each run leaves a file of data and one of the index, and reads the indexes of all runs before it. `--compact-after`, which is on by default, bounds their number."

const archives = [
  { name: "`--compact-after 30` (default)", args: [] },
  { name: "`--compact-after 0`", args: ["--compact-after", "0"] }
] as const

interface Night {
  readonly runs: number
  readonly bytes: number
  /** Bytes of the newest version of each row, nearly: those of the files that the manifest names. */
  readonly data: number
  readonly files: number
  /** Milliseconds. */
  readonly time: number
  /** The time, as a part of that of a snapshot of the same nights. */
  readonly share: number
}

export const growth = async (rounds: number, isQuick: boolean): Promise<Section> => {
  const first = runsOf(isQuick)
  const total = first * Math.max(2, rounds)
  const simulator = await startSimulator({ sessions: 200, activeShare: 0.1, seed: "growth" })
  const root = mkdtempSync(join(tmpdir(), "hb-sessions-bench-"))
  try {
    const nights = archives.map(() => new Array<Night>())
    const times = archives.map(() => new Array<number>())
    const whole: Array<number> = []
    for (let run = 1; run <= total; run++) {
      for (let change = 0; change < CHANGES; change++) {
        simulator.world.mutate("start")
        simulator.world.mutate("end")
      }
      // The list grows, and with it what any run reads: a snapshot of the same night is what the time is measured by.
      if ((run - 1) % first >= first - LAST) {
        whole.push(await timed(() => exportOnce(simulator, ["--out", join(root, "snapshot")])))
      }
      for (const [index, { args }] of archives.entries()) {
        const out = join(root, String(index))
        times[index]?.push(await timed(() => exportOnce(simulator, ["--out", out, "--mode", "incremental", ...args])))
        if (run % first !== 0) continue
        const time = median(times[index]?.slice(-LAST) ?? [])
        nights[index]?.push({ runs: run, ...sizeOf(out), time, share: time / median(whole.slice(-LAST)) })
      }
    }
    const claims = archives.flatMap(({ name }, index) => {
      const [earliest] = nights[index] ?? []
      const last = nights[index]?.at(-1)
      if (earliest === undefined || last === undefined) throw new Error("there are nights to compare")
      const grown = (key: "bytes" | "files" | "share") => last[key] / earliest[key]
      return [
        atMost(
          `bytes on the disk, ${total} runs ÷ ${first}, ÷ the same of the data, ${name}`,
          1.5,
          grown("bytes") / (last.data / earliest.data)
        ),
        atMost(`files, ${total} runs ÷ ${first}, ${name}`, total / first, grown("files")),
        atMost(`time of a run ÷ a snapshot's, ${total} runs ÷ ${first}, ${name}`, 1.5, grown("share"), { cause: CAUSE })
      ]
    })
    return {
      name: "growth",
      work: `${total} incremental exports, between which ${CHANGES} sessions start and ${CHANGES} end, of a list of 200 at the start.`,
      tables: archives.map(({ name }, index) => ({
        columns: [`runs, ${name}`, "bytes on the disk", "bytes of the data", "files", "ms a run", "÷ a snapshot"],
        rows: (nights[index] ?? []).map(({ bytes, data, files, runs, share, time }) => [
          String(runs),
          bytes.toLocaleString("en"),
          data.toLocaleString("en"),
          String(files),
          time.toFixed(0),
          share.toFixed(2)
        ])
      })),
      claims,
      notes: [
        "Everything below the directory is counted: data, index, tombstones and manifests of all generations that are kept."
      ]
    }
  } finally {
    await simulator.stop()
    rmSync(root, { recursive: true })
  }
}

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const started = performance.now()
  await work()
  return performance.now() - started
}

const sizeOf = (out: string): Pick<Night, "bytes" | "data" | "files"> => {
  const files = readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath, entry.name)))
  const manifest: { readonly files: ReadonlyArray<{ readonly bytes: number }> } = JSON.parse(
    readFileSync(join(out, "manifest.json"), "utf8")
  )
  // The file for people is a second name of one of the others.
  const inodes = new Map(files.map((info) => [info.ino, info.size]))
  return {
    bytes: [...inodes.values()].reduce((sum, size) => sum + size, 0),
    data: manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
    files: inodes.size
  }
}

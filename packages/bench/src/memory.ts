/**
 * `memory`: what a long list needs that a short one does not.
 */
import { exportOnce, readOnce, statsOnce, withDirectory } from "./children.ts"
import { median } from "./Comparison.ts"
import { atMost, type Section } from "./Report.ts"
import { withUpstream } from "./upstream.ts"

/** Hardly more than what is in use, so that garbage is collected as soon as it may be. */
const BOUNDED = "--max-semi-space-size=2 --max-old-space-size=64"

const CAUSE =
  "V8 lets its heap grow and collects late, as there is room: a short list ends before it has been collected once, and room for new objects is doubled as soon as as much has outlived a collection in all, which some million sessions do however few at a time. What a session needs is told by what the peak grows by from one million to two, and by the same work in a heap of 64 MB: the table of ids, which the proof rests on, takes 27 bytes of it."

const UNBOUNDED =
  "The room for new objects becomes 128 MB in any read that is long enough. The apps bound it, as `stats` shows; a library cannot do so for its process."

const BESIDE_IDS =
  "The table of ids takes 27. The rest is how much of its 64 MB the heap has filled, by which peaks of one size differ by some 8 MB; between 300,000 and 600,000 sessions it was 31."

const OUTSIDE_THE_HEAP =
  "The heap of V8 is no larger than for the short list, 55 MB of both. The table of ids takes 27; the rest is pages that V8 has freed and keeps, 8 MB, and memory that `malloc` keeps for V8's threads: with `MALLOC_ARENA_MAX=1`, which a program cannot set for itself, it was 47."

/** What is measured, and by which options of Node. */
const COLUMNS = [
  { name: "`Sessions.pages`", work: "read", options: "" },
  { name: `the same, \`node ${BOUNDED}\``, work: "read", options: BOUNDED },
  { name: "`hb-sessions stats`", work: "stats", options: "" },
  { name: "`hb-sessions-export run`", work: "export", options: "" },
  { name: `the same, \`node ${BOUNDED}\``, work: "export", options: BOUNDED }
] as const

const [READ, READ_BOUNDED, STATS, EXPORT, EXPORT_BOUNDED] = [0, 1, 2, 3, 4] as const

const SIZES = [10_000, 100_000, 1_000_000, 2_000_000]
const QUICK_SIZES = [1000, 10_000, 100_000, 200_000]

const peakOf = async (
  upstream: Parameters<typeof readOnce>[0],
  { options, work }: (typeof COLUMNS)[number]
): Promise<number> => {
  const env = options === "" ? {} : { NODE_OPTIONS: options }
  const once = {
    read: () => readOnce(upstream, env),
    stats: () => statsOnce(upstream),
    export: () => withDirectory((out) => exportOnce(upstream, ["--out", out], env))
  }
  return (await once[work]()).peakMegabytes
}

export const memory = async (rounds: number, isQuick: boolean): Promise<Section> => {
  const sizes = isQuick ? QUICK_SIZES : SIZES
  const rows: Array<{ readonly size: number; readonly peaks: ReadonlyArray<number> }> = []
  for (const size of sizes) {
    const found = await withUpstream(["--sessions", String(size), "--page-size", "100"], async (upstream) => {
      const peaks: Array<Array<number>> = COLUMNS.map(() => [])
      for (let round = 0; round < rounds; round++) {
        for (const [index, column] of COLUMNS.entries()) {
          // A bounded export of the longest list would take as long as all the rest.
          if (index === EXPORT_BOUNDED && size === sizes.at(-1)) continue
          peaks[index]?.push(await peakOf(upstream, column))
        }
      }
      return peaks.map((each) => (each.length === 0 ? Number.NaN : median(each)))
    })
    rows.push({ size, peaks: found })
  }
  const [, middle, large, largest] = rows
  if (middle === undefined || large === undefined || largest === undefined) throw new Error("four sizes are compared")
  const at = (row: typeof middle, column: number) => row.peaks[column] ?? Number.NaN
  const ratio = (column: number) => at(large, column) / at(middle, column)
  const slope = (column: number, from = middle, to = large) =>
    Math.round(((at(to, column) - at(from, column)) * 1024 * 1024) / (to.size - from.size))
  const [from, to, beyond] = [middle, large, largest].map(({ size }) => size.toLocaleString("en"))
  const asBytes = { unit: "", cause: CAUSE } as const
  const grows = `bytes a session by which the peak grows from ${from} to ${to}`
  const growsFurther = `bytes a session by which the peak grows from ${to} to ${beyond}`
  return {
    name: "memory",
    work: "Read the whole list, and export it to CSV, in a process of its own; the highest resident set.",
    tables: [
      {
        columns: ["sessions", ...COLUMNS.map(({ name }) => name)],
        rows: rows.map(({ peaks, size }) => [
          size.toLocaleString("en"),
          ...peaks.map((megabytes) => (Number.isNaN(megabytes) ? "–" : `${megabytes.toFixed(0)} MB`))
        ])
      }
    ],
    // What a short list needs is the heap that Node likes to have, whatever is in it.
    claims: isQuick
      ? []
      : [
          atMost(`peak of a read of ${to} ÷ that of ${from}`, 1.5, ratio(READ), { cause: UNBOUNDED }),
          atMost(`peak of \`stats\` of ${to} ÷ that of ${from}`, 1.5, ratio(STATS), { cause: CAUSE }),
          atMost(`peak of an export of ${to} ÷ that of ${from}`, 1.5, ratio(EXPORT), { cause: CAUSE }),
          atMost(`${grows}, read`, 40, slope(READ), { unit: "", cause: UNBOUNDED }),
          atMost(`${growsFurther}, read`, 40, slope(READ, large, largest), asBytes),
          atMost(`${grows}, read in a heap of 64 MB`, 40, slope(READ_BOUNDED), asBytes),
          atMost(`${grows}, \`stats\``, 40, slope(STATS), asBytes),
          atMost(`${grows}, export`, 40, slope(EXPORT), { unit: "", cause: OUTSIDE_THE_HEAP }),
          atMost(`${growsFurther}, export`, 40, slope(EXPORT, large, largest), asBytes),
          atMost(`${grows}, export in a heap of 64 MB`, 40, slope(EXPORT_BOUNDED), {
            unit: "",
            cause: BESIDE_IDS
          }),
          atMost(`megabytes at the peak of an export of ${to}`, 256, at(large, EXPORT), asBytes)
        ]
  }
}

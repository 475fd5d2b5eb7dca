/**
 * The formats of a whole list, and which one a client wants.
 */

/** A format, by the suffix of its path. */
export const formats = ["ndjson", "csv", "json"] as const
export type Format = (typeof formats)[number]

/** The media types. */
export const mediaTypes: Record<Format, string> = {
  ndjson: "application/x-ndjson",
  csv: "text/csv; charset=utf-8; header=present",
  json: "application/json; charset=utf-8"
}

/** What a client may call each format, the most usual one first. */
const names: Record<Format, ReadonlyArray<string>> = {
  ndjson: ["application/x-ndjson", "application/ndjson", "application/jsonl"],
  csv: ["text/csv"],
  json: ["application/json"]
}

/** Chooses by `Accept`: NDJSON for one who takes anything, unless CSV is preferred; undefined when none is accepted. */
export const negotiate = (accept: string | undefined, prefersCsv: boolean): Format | undefined => {
  const order: ReadonlyArray<Format> = prefersCsv ? ["csv", "ndjson", "json"] : formats
  const ranges = accept === undefined || accept.trim() === "" ? [anything] : accept.split(",").map(parseRange)
  let best: Format | undefined
  let bestQuality = 0
  for (const format of order) {
    const quality = Math.max(...names[format].map((name) => qualityOf(name, ranges)))
    if (quality > bestQuality) {
      best = format
      bestQuality = quality
    }
  }
  return best
}

interface Range {
  readonly name: string
  readonly quality: number
}

const anything: Range = { name: "*/*", quality: 1 }

const parseRange = (text: string): Range => {
  const [name = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase())
  const q = parameters.find((parameter) => parameter.startsWith("q="))
  const quality = q === undefined ? 1 : Number(q.slice(2))
  return { name, quality: Number.isFinite(quality) ? quality : 0 }
}

/** The most specific range decides. */
const qualityOf = (name: string, ranges: ReadonlyArray<Range>): number => {
  const [type = ""] = name.split("/")
  for (const wanted of [name, `${type}/*`, "*/*"]) {
    const range = ranges.find((candidate) => candidate.name === wanted)
    if (range !== undefined) return range.quality
  }
  return 0
}

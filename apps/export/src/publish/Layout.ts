/**
 * The names of what is published, in a directory and in a bucket alike.
 *
 * ```text
 * manifest.json                    names the published files
 * sessions.csv                     the whole current data as one file; absent if that is several files
 * generations/00000001/…           the files of a generation, and its manifest while it is kept
 * ```
 */

/** The names of what is published, and of what a run keeps while it works. */
export const names = {
  manifest: "manifest.json",
  generations: "generations",
  lock: ".lock",
  takeover: ".takeover",
  note: ".note",
  staging: ".staging-",
  quarantined: ".quarantined-",
  alive: "alive",
  previous: "previous-",
  checkpoint: "checkpoint.json",
  index: "index.bin",
  tombstones: "tombstones.ndjson",
  quarantine: "quarantine.ndjson"
} as const

/** The name of a generation's directory. */
export const generationName = (generation: number): string => String(generation).padStart(8, "0")

/** The number of a generation's directory; undefined for another name. */
export const generationOf = (name: string): number | undefined => (/^\d{8,}$/.test(name) ? Number(name) : undefined)

/** The path of a generation's directory. */
export const homeOf = (generation: number): string => `${names.generations}/${generationName(generation)}`

/** The path of a generation's own copy of its manifest. */
export const manifestPath = (generation: number): string => `${homeOf(generation)}/${names.manifest}`

/**
 * Points in time as people read them, in the time zone of the reader's choice.
 */

/** Writes times of one zone. */
export interface Times {
  /** The name of the zone: `UTC` or `Europe/Paris`. */
  readonly zone: string
  /** As short as a column's title needs it: `UTC`, `Paris`. */
  readonly shortZone: string
  /** `2026-01-31 09:30` */
  readonly minute: (millis: number) => string
  /** `2026-01-31 09:30:05` */
  readonly second: (millis: number) => string
}

/** The name by which the zone of the machine is chosen. */
export const LOCAL = "local"

/** Writes times in the zone of that name. */
export const timesIn = (name: string): Times => {
  const timeZone = name === LOCAL ? new Intl.DateTimeFormat().resolvedOptions().timeZone : name
  // Sweden writes the year first, and a blank before the hour.
  const second = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium", timeZone })
  return {
    zone: timeZone,
    shortZone: timeZone.replace(/^.*\//, "").replaceAll("_", " "),
    second: (millis) => second.format(millis),
    minute: (millis) => second.format(millis).slice(0, -":05".length)
  }
}

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
  const second = timeZone === "UTC" ? secondInUtc : secondIn(timeZone)
  return {
    zone: timeZone,
    shortZone: timeZone.replace(/^.*\//, "").replaceAll("_", " "),
    second,
    minute: (millis) => second(millis).slice(0, -":05".length)
  }
}

// The formatter is made when it is first used: that takes five milliseconds, and not every format writes times.
const secondIn = (timeZone: string): Times["second"] => {
  let formatter: Intl.DateTimeFormat | undefined
  return (millis) => {
    // Sweden writes the year first, and a blank before the hour.
    formatter ??= new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium", timeZone })
    return formatter.format(millis)
  }
}

const formattedInUtc = secondIn("UTC")

/** What the formatter writes for UTC, without it where the year has four digits. */
const secondInUtc: Times["second"] = (millis) => {
  const text = new Date(millis).toISOString()
  return /^[1-9]/.test(text) ? text.slice(0, "2026-01-31T09:30:05".length).replace("T", " ") : formattedInUtc(millis)
}

/**
 * Text of a terminal: how wide it is, how it fits, and how it takes colour.
 */
import * as CliOutput from "effect/cli/CliOutput"

// Text of the API must not move the cursor, change colours or turn the direction of writing.
const CONTROL = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu

/** Replaces every character that a terminal would obey instead of showing it. */
export const neutralise = (text: string): string => text.replace(CONTROL, "\u{FFFD}")

// Most text is ASCII, which needs no segmentation.
const ASCII = /^[\x20-\x7E]*$/

/** Columns that a text takes; wide characters take two. */
export const widthOf = (text: string): number => (ASCII.test(text) ? text.length : CliOutput.displayWidth(text))

// Made when a text is first cut, as it takes ten milliseconds.
let segmenter: Intl.Segmenter | undefined

/** Cuts a text to so many columns; what was cut ends in an ellipsis. */
export const cut = (text: string, width: number): string => {
  if (widthOf(text) <= width) return text
  if (width <= 1) return "…".slice(0, width)
  let kept = ""
  let used = 0
  segmenter ??= new Intl.Segmenter()
  for (const { segment } of segmenter.segment(text)) {
    const columns = widthOf(segment)
    if (used + columns > width - 1) break
    kept += segment
    used += columns
  }
  return `${kept}…`
}

/** Cuts or fills a text to exactly so many columns. */
export const fit = (text: string, width: number, align: "left" | "right" = "left"): string => {
  const shown = cut(text, width)
  const padding = " ".repeat(Math.max(0, width - widthOf(shown)))
  return align === "right" ? padding + shown : shown + padding
}

const codes = { bold: 1, dim: 2, inverse: 7, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 } as const

export type Style = keyof typeof codes

/** Makes the function that colours, or that leaves everything as it is. */
export const painter =
  (canColor: boolean) =>
  (style: Style, text: string): string =>
    canColor && text !== "" ? `\u001B[${codes[style]}m${text}\u001B[0m` : text

export type Paint = ReturnType<typeof painter>

/** A whole number with separators: `2,000`. */
export const count = (value: number): string => value.toLocaleString("en-US")

/** `1 session`, `2 sessions`. */
export const counted = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? "" : "s"}`

/** A duration as people say it: `950 ms`, `1.2 s`, `3m 20s`, `2h 5m`, `3d 4h`. */
export const duration = (millis: number): string => {
  if (millis < 1000) return `${Math.round(millis)} ms`
  if (millis < 60_000) return `${(millis / 1000).toFixed(1)} s`
  const seconds = Math.round(millis / 1000)
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  if (hours >= 48) return `${Math.floor(hours / 24)}d ${hours % 24}h`
  return hours > 0 ? `${hours}h ${minutes}m` : `${minutes}m ${seconds % 60}s`
}

/**
 * The text of one CSV cell, and what a name in a header was probably meant to be.
 */

const NEEDS_QUOTES = /[",\r\n]/

// oxlint-disable-next-line no-control-regex -- it is looked for on purpose
const NEEDS_A_LOOK = /[",\r\n\0\uD800-\uDFFF]/

/** Text that every reader of CSV accepts: PostgreSQL's COPY and Python's csv reject NUL, and no encoding has half a character. */
export const readable = (text: string): string => text.replaceAll("\0", "\uFFFD").toWellFormed()

/** The cell of a text by RFC 4180; what no reader accepts in it becomes U+FFFD. */
export const quote = (text: string): string => {
  if (!NEEDS_A_LOOK.test(text)) return text
  const cell = readable(text)
  return NEEDS_QUOTES.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}

// The characters that OWASP names, full-width forms included. Apostrophes before them count, or taking the guard away
// could not be told from taking an apostrophe of the text away.
const FORMULA = /^'*[=+\-@\t\r\n＝＋－＠]/
const GUARDED = /^'+[=+\-@\t\r\n＝＋－＠]/

/** Puts an apostrophe before text that a spreadsheet would run as a formula. */
export const guard = (text: string): string => (FORMULA.test(text) ? `'${text}` : text)

/** Takes the apostrophe of `guard` away. */
export const unguard = (text: string): string => (GUARDED.test(text) ? text.slice(1) : text)

const MILLIS_PER_DAY = 86_400_000

const digits = (count: number, size: number) =>
  Array.from({ length: size }, (_, value) => String(value).padStart(count, "0"))

const two = digits(2, 60)
const three = digits(3, 1000)

/**
 * Makes a function that writes epoch milliseconds as `Date.prototype.toISOString` does.
 *
 * Sessions come in order of time, so the day is mostly that of the call before, and is kept.
 */
export const isoWriter = (): ((millis: number) => string) => {
  let day = Number.NaN
  let date = ""
  return (millis) => {
    const days = Math.floor(millis / MILLIS_PER_DAY)
    if (days !== day) {
      date = new Date(millis).toISOString().slice(0, -"00:00:00.000Z".length)
      day = days
    }
    const rest = millis - days * MILLIS_PER_DAY
    const seconds = Math.floor(rest / 1000)
    const minutes = Math.floor(seconds / 60)
    const hours = Math.floor(minutes / 60)
    return `${date}${two[hours]}:${two[minutes - hours * 60]}:${two[seconds - minutes * 60]}.${three[rest - seconds * 1000]}Z`
  }
}

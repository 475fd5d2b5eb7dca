/**
 * One row of a list as a vendor may send it, and all that must come of it.
 */

/** A row, and what is read, printed and counted of it. Times are epoch milliseconds. */
export interface RowForm {
  /** What is odd about it. */
  readonly about: string
  /** The row as JSON text. */
  readonly sent: string
  /** The typed record; absent for a row that is no session. */
  readonly typed?: { readonly id: string; readonly [key: string]: unknown }
  /** The record in JSON output, as text; absent for a row that is no session. */
  readonly printed?: string
  /** The cells of CSV that are not empty, by column; absent for a row that is no session. */
  readonly cells?: Readonly<Record<string, string>>
  /** The paths of the values that have no meaning. */
  readonly ignored: ReadonlyArray<string>
  /** Why it is no session; absent for one. */
  readonly unreadable?: string
}

/** What differs from the plain row. */
interface Parts {
  /** The members behind the id, as JSON text without braces. */
  readonly sent: string
  readonly typed?: Readonly<Record<string, unknown>>
  /** As `sent` by default: what means nothing, or that there is nothing, stays as it came. */
  readonly printed?: string
  readonly cells?: Readonly<Record<string, string>>
  readonly ignored?: ReadonlyArray<string>
}

const idOf = (number: number): string => `5e551000-feed-4a11-8bad-${String(number).padStart(12, "0")}`

/** A row with an id that is made of its number. */
export const row =
  (about: string, { cells = {}, ignored = [], printed, sent, typed = {} }: Parts) =>
  (number: number): RowForm => {
    const id = idOf(number)
    const whole = (members: string) => `{"id":"${id}"${members === "" ? "" : `,${members}`}}`
    return {
      about,
      sent: whole(sent),
      typed: { id, ...typed },
      printed: whole(printed ?? sent),
      cells: { id, ...cells },
      ignored
    }
  }

/** A row that is no session. */
export const unreadable = (about: string, sent: string, reason: string) => (): RowForm => ({
  about,
  sent,
  ignored: [],
  unreadable: reason
})

/** A row whose id is odd, but can be used. */
export const named = (about: string, sent: string, id: string) => (): RowForm => ({
  about,
  sent: `{"id":${sent}}`,
  typed: { id },
  printed: `{"id":${JSON.stringify(id)}}`,
  cells: { id },
  ignored: []
})

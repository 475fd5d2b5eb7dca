/**
 * Numbers as the page writes them: in the reader's language, and never longer than they can be read.
 */
const plain = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 })
const long = new Intl.NumberFormat(undefined, { maximumFractionDigits: 9 })
const huge = new Intl.NumberFormat(undefined, { notation: "scientific", maximumFractionDigits: 6 })

/** From here on the digits say less than the size. */
const HUGE = 1e15

const of =
  (usual: Intl.NumberFormat) =>
  (value: number): string =>
    (Math.abs(value) < HUGE ? usual : huge).format(value)

/** A number with two decimals at most. */
export const numberText = of(plain)

/** A number with all its decimals that credits have. */
export const exactNumberText = of(long)

/**
 * The name that was probably meant by one that is mistyped.
 */

/**
 * Finds the name that is closest to `input`, by edits of the whole or of its last parts after a dot; case does not count.
 * Undefined when none is close: within two edits, or a third of the length of `input`.
 */
export const nearest = <Name extends string>(input: string, names: ReadonlyArray<Name>): Name | undefined => {
  const wanted = input.toLowerCase()
  let best: Name | undefined
  let fewest = Math.max(2, Math.floor(wanted.length / 3)) + 1
  for (const name of names) {
    for (const tail of tails(name.toLowerCase())) {
      const count = edits(wanted, tail)
      if (count < fewest) {
        fewest = count
        best = name
      }
    }
  }
  return best
}

const tails = (name: string): ReadonlyArray<string> => {
  const parts = name.split(".")
  return parts.map((_, index) => parts.slice(index).join("."))
}

/** Levenshtein's distance. */
const edits = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const swap = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}

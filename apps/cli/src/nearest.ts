/**
 * "Did you mean": the name that is closest to a mistyped one.
 */

/** Number of single-character edits between two texts. */
const distance = (left: string, right: string): number => {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1)
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}

/** The closest of the names, as `; did you mean "x"?`, or all of them when none is close. */
export const didYouMean = (given: string, names: ReadonlyArray<string>): string => {
  const [best] = names
    .map((name) => ({ name, edits: distance(given.toLowerCase(), name.toLowerCase()) }))
    .toSorted((left, right) => left.edits - right.edits)
  return best !== undefined && best.edits <= Math.max(2, given.length / 3)
    ? `; did you mean ${JSON.stringify(best.name)}?`
    : `; there are ${names.join(", ")}`
}

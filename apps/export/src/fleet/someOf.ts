/** Names, for one line; not too many of them. */
export const someOf = (names: ReadonlyArray<string>): string => {
  const more = names.length - MOST_NAMED
  return `${names.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`
}

const MOST_NAMED = 10

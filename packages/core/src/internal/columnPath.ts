/**
 * Paths as text: keys joined by dots.
 *
 * A backslash takes the meaning from the character behind it; at the end of a name it stands for nothing, which gives an
 * empty key a name.
 */

/** The pieces between unescaped separators, with their backslashes. */
const pieces = (text: string, separator: string): ReadonlyArray<string> => {
  const found = [""]
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? ""
    if (character === separator) found.push("")
    else found[found.length - 1] += character === "\\" ? character + (text[++at] ?? "") : character
  }
  return found
}

/** The names of a list separated by commas, without the blanks around them. */
export const splitList = (text: string): ReadonlyArray<string> =>
  pieces(text, ",").flatMap((piece) => {
    const name = piece.trimStart().replace(/(?<!\\)(?:\\\\)*\s+$/, (end) => end.trimEnd())
    return name === "" ? [] : [name]
  })

/** The keys of a name. */
export const splitPath = (name: string): ReadonlyArray<string> =>
  pieces(name, ".").map((piece) => piece.replace(/\\(.?)/gs, "$1"))

/** The name of a path. */
export const joinPath = (path: ReadonlyArray<string>): string => {
  const name = path.map(escapeKey).join(".")
  return name === "" || name === "*" ? `\\${name}` : name
}

/** The blanks at the ends of a key are a part of it. */
export const escapeKey = (key: string): string => key.replace(/[\\.,]|^\s|\s$/g, "\\$&")

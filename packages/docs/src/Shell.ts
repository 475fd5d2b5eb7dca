/**
 * Shell blocks as statements and commands. It knows the part of the language that documents use.
 */
import type { Block } from "./Markdown.ts"

/** One program with its words. */
export interface Command {
  /** Variables that are set for it, or for the shell when there are no words. */
  readonly env: Readonly<Record<string, string>>
  /** The program and its arguments, without quotes; what the shell would expand is left as it is. */
  readonly words: ReadonlyArray<string>
}

/** What is run at once: commands with what is between them. */
export interface Statement {
  readonly at: string
  readonly text: string
  readonly commands: ReadonlyArray<Command>
  /** What it prints, when the document says so: comments on lines of their own below it. */
  readonly output: ReadonlyArray<string>
}

export const statements = (block: Block): ReadonlyArray<Statement> => {
  const [file, firstLine] = block.at.split(":")
  const found: Array<{ readonly at: string; text: string; readonly output: Array<string> }> = []
  let goesOn = false
  for (const [index, line] of block.text.split("\n").entries()) {
    const last = found.at(-1)
    if (goesOn && last !== undefined) last.text += `\n${line}`
    else if (line.startsWith("#")) last?.output.push(line.replace(/^# ?/, ""))
    else if (line.trim() !== "") found.push({ at: `${file}:${Number(firstLine) + 1 + index}`, text: line, output: [] })
    goesOn = /(?:\\|\||&&)\s*$/.test(line)
  }
  return found.map((statement) => ({ ...statement, commands: commandsOf(statement.text) }))
}

/** The commands of a text, those of substitutions included. */
export const commandsOf = (text: string): ReadonlyArray<Command> => {
  const commands: Array<Command> = []
  let words: Array<string> = []
  const end = () => {
    const isSet = (word: string) => /^[A-Za-z_]\w*=/.test(word)
    const isExport = words[0] === "export"
    const rest = isExport ? words.slice(1) : words
    const first = isExport ? rest.length : rest.findIndex((word) => !isSet(word))
    const count = first < 0 ? rest.length : first
    const env = rest.slice(0, count).map((word) => {
      const at = word.indexOf("=")
      return at < 0 ? [word, ""] : [word.slice(0, at), word.slice(at + 1)]
    })
    if (words.length > 0) commands.push({ env: Object.fromEntries(env), words: rest.slice(count) })
    words = []
  }
  for (const token of tokens(text)) {
    if (token.kind === "operator") end()
    else {
      commands.push(...token.inner.flatMap(commandsOf))
      words.push(token.text)
    }
  }
  end()
  return commands
}

type Token =
  | { readonly kind: "operator" }
  | { readonly kind: "word"; readonly text: string; readonly inner: ReadonlyArray<string> }

const tokens = (text: string): ReadonlyArray<Token> => {
  const found: Array<Token> = []
  let position = 0
  while (position < text.length) {
    const rest = text.slice(position)
    const skipped = /^(?:[ \t]+|\\\n|#[^\n]*)/.exec(rest)
    const redirection = /^\d?(?:>>?|<)\s*(?:&\d|[^\s|&;]+)/.exec(rest)
    const operator = /^(?:&&|\|\||[|;&\n])/.exec(rest)
    const match = skipped ?? redirection ?? operator
    if (match !== null) {
      if (match === operator) found.push({ kind: "operator" })
      position += match[0].length
    } else {
      const word = wordAt(text, position)
      found.push({ kind: "word", text: word.text, inner: word.inner })
      position = word.end
    }
  }
  return found
}

const wordAt = (text: string, start: number) => {
  let word = ""
  const inner: Array<string> = []
  let quote = ""
  let position = start
  while (position < text.length) {
    const char = text[position] ?? ""
    if (quote !== "'" && text.startsWith("$(", position)) {
      const end = text.indexOf(")", position)
      inner.push(text.slice(position + 2, end))
      word += text.slice(position, end + 1)
      position = end + 1
      continue
    }
    if (quote === "" && /[\s|&;]/.test(char)) break
    if (char === quote) quote = ""
    else if (quote === "" && (char === "'" || char === '"')) quote = char
    else word += char
    position++
  }
  return { text: word, inner, end: position }
}

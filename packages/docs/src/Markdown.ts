/**
 * What the checks need of a document: its blocks of code, links, anchors and code in running text.
 */
import { read } from "./workspace.ts"

export interface Block {
  /** Where it is, for messages: `README.md:12`. */
  readonly at: string
  /** Without it, empty. */
  readonly language: string
  readonly text: string
}

export interface Markdown {
  readonly file: string
  readonly blocks: ReadonlyArray<Block>
  /** Targets of links and pictures, as written. */
  readonly links: ReadonlyArray<Located>
  /** Names that a link into the document can have after `#`. */
  readonly anchors: ReadonlySet<string>
  /** Code in running text, without the backticks. */
  readonly inlineCode: ReadonlyArray<Located>
  /** Everything but the blocks. */
  readonly prose: string
}

export interface Located {
  readonly at: string
  readonly text: string
}

const FENCE = /^(\s*)(`{3,})\s*([^\s`]*).*$/

export const parse = (file: string, source: string = read(file)): Markdown => {
  const blocks: Array<Block> = []
  const prose: Array<string> = []
  let open:
    | { readonly fence: string; readonly indent: number; readonly language: string; readonly line: number }
    | undefined
  let lines: Array<string> = []
  source.split("\n").forEach((line, index) => {
    const fence = FENCE.exec(line)
    if (open === undefined && fence !== null) {
      open = { fence: fence[2] ?? "", indent: fence[1]?.length ?? 0, language: fence[3] ?? "", line: index + 1 }
      lines = []
      prose.push("")
    } else if (open === undefined) {
      prose.push(line)
    } else if (line.trim() === open.fence) {
      blocks.push({ at: `${file}:${open.line}`, language: open.language, text: lines.join("\n") })
      prose.push("")
      open = undefined
    } else {
      lines.push(line.slice(open.indent))
      prose.push("")
    }
  })
  if (open !== undefined) throw new Error(`${file}:${open.line}: the block does not end`)
  return {
    file,
    blocks,
    // Inline, and definitions that others refer to.
    links: located(file, prose, /(?:\]\(|^\[[^\]]+\]: )([^()\s]+)(?:\s+"[^"]*")?(?:\)|$)/g),
    anchors: anchorsOf(prose),
    inlineCode: located(file, prose, /(?<!`)`([^`]+)`(?!`)/g),
    prose: prose.join("\n")
  }
}

const located = (file: string, lines: ReadonlyArray<string>, pattern: RegExp): ReadonlyArray<Located> =>
  lines.flatMap((line, index) =>
    [...line.matchAll(pattern)].map((match) => ({ at: `${file}:${index + 1}`, text: match[1] ?? "" }))
  )

/** As the hosts of git repositories derive them from headings. */
const anchorsOf = (lines: ReadonlyArray<string>): ReadonlySet<string> => {
  const seen = new Map<string, number>()
  for (const line of lines) {
    const heading = /^#{1,6}\s+(.+?)\s*#*$/.exec(line)?.[1]
    if (heading === undefined) continue
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(" ", "-")
    const times = seen.get(slug) ?? 0
    seen.set(slug, times + 1)
    if (times > 0) seen.set(`${slug}-${times}`, 1)
  }
  return new Set(seen.keys())
}

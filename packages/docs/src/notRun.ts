/**
 * The commands in documents that the tests do not run: why, and what is checked instead.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { problemsOf, programs } from "./Programs.ts"
import type { Command } from "./Shell.ts"
import { packages, read, root, rootScripts } from "./workspace.ts"

interface NotRun {
  readonly reason: string
  readonly matches: RegExp
  /** What is wrong with the words; nothing when they are right. */
  readonly problems: (words: ReadonlyArray<string>) => ReadonlyArray<string>
}

/** The words behind `npx -y pnpm@12`. */
const behindPnpm = (words: ReadonlyArray<string>) =>
  words.slice(words.findIndex((word) => word.startsWith("pnpm@")) + 1)

const catalogVersion = (name: string): string | undefined =>
  new RegExp(`^ {2}"?${name}"?: (\\S+)$`, "m").exec(read("pnpm-workspace.yaml"))?.[1]

const installProblems = (words: ReadonlyArray<string>): ReadonlyArray<string> =>
  words
    .slice(2)
    .filter((word) => !word.startsWith("-"))
    .flatMap((word) => {
      const at = word.indexOf("@", 1)
      const [name, version] = at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]
      if (packages.some((one) => one.name === name && !one.isPrivate)) return []
      const pinned = catalogVersion(name)
      return pinned === version && version !== undefined ? [] : [`${name} is not published from here, or not ${pinned}`]
    })

const scriptProblems = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [script = ""] = behindPnpm(words)
  return script in rootScripts ? [] : [`package.json has no script ${script}`]
}

/** Our own program behind that of the system, and files of the repository. */
const systemProblems = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const own = words.findIndex((word, index) => programs.has(word) && /^[a-z]/.test(words[index + 1] ?? ""))
  const missing = words.filter((word) => /^(?:apps|packages)\//.test(word) && !existsSync(join(root, word)))
  return [...(own < 0 ? [] : problemsOf(words.slice(own))), ...missing.map((file) => `there is no ${file}`)]
}

const notRun: ReadonlyArray<NotRun> = [
  {
    reason: "installs from a registry; the tests of packages/release install what is packed",
    matches: /^npm install /,
    problems: installProblems
  },
  {
    reason: "asks a registry, or is named rather than asked for",
    matches: /^(?:npm (?:audit signatures|pack)|npx -y pnpm@12 audit)$/,
    problems: () => []
  },
  {
    reason: "works on the whole repository, these tests included",
    matches: /^npx -y pnpm@12 (?:demo(?: --serve)?|test|check|build|format|api)$/,
    problems: scriptProblems
  },
  {
    reason: "takes minutes",
    matches: /^npx -y pnpm@12 bench\b/,
    problems: (words) => [
      ...scriptProblems(words),
      ...behindPnpm(words)
        .slice(1)
        .filter((word) => {
          const entry = word.startsWith("--") ? `\\b${word.slice(2)}: \\{ type` : `^ {2}${word}: \\{`
          return !new RegExp(entry, "m").test(read("packages/bench/src/bench.ts"))
        })
        .map((word) => `bench knows no ${word}`)
    ]
  },
  {
    reason: "runs a package's tests",
    matches: /^npx -y pnpm@12 --filter \S+ test$/,
    problems: (words) =>
      packages.some(({ name }) => words.includes(name)) ? [] : [`there is no package for ${words.join(" ")}`]
  },
  {
    reason: "asks questions, or publishes",
    matches: /^npx -y pnpm@12 exec changeset(?: publish)?$/,
    problems: () => (read("package.json").includes('"@changesets/cli"') ? [] : ["changesets is not installed"])
  },
  {
    reason: "replays a test of packages/conformance",
    matches: /^pnpm vitest run test\/promise\.test\.ts$/,
    problems: () => (read("packages/conformance/test/promise.test.ts") === "" ? ["the test is empty"] : [])
  },
  {
    reason: "changes the system",
    matches: /^(?:systemctl|kubectl|docker) /,
    problems: systemProblems
  },
  {
    reason: "is an installation on a server, and stays up",
    matches: /^hb-sessions-export (?:schedule|worker|fleet) /,
    problems: problemsOf
  }
]

/** Why a command is not run; undefined when it is to be run. */
export const reasonNotToRun = ({ words }: Command): NotRun | undefined =>
  notRun.find(({ matches }) => matches.test(words.join(" ")))

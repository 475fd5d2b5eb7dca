/**
 * The programs of the workspace, and what their own help says about them.
 */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { packages, root } from "./workspace.ts"

/** Programs by name, as absolute paths. */
export const programs: ReadonlyMap<string, string> = new Map(
  packages.flatMap(({ bin }) => Object.entries(bin).map(([name, path]) => [name, join(root, path)]))
)

/** What every process of Node is given: a place to keep what it has compiled, as the programs are started again and again. */
export const nodeEnv = {
  PATH: process.env["PATH"] ?? "",
  NODE_COMPILE_CACHE: join(root, "packages/docs/node_modules/.cache/compiled")
}

export interface Flag {
  readonly takesValue: boolean
  readonly choices: ReadonlyArray<string> | undefined
}

export interface Help {
  /** By every name that it has, dashes included. */
  readonly flags: ReadonlyMap<string, Flag>
  readonly subcommands: ReadonlySet<string>
  readonly text: string
}

const known = new Map<string, Help>()

/** What `--help` says after a program and subcommands. */
export const helpOf = (words: ReadonlyArray<string>): Help => {
  const key = words.join(" ")
  const found = known.get(key)
  if (found !== undefined) return found
  const [name = "", ...path] = words
  const { status, stderr, stdout } = spawnSync(process.execPath, [programs.get(name) ?? name, ...path, "--help"], {
    encoding: "utf8",
    env: { ...nodeEnv, NO_COLOR: "1" }
  })
  if (status !== 0) throw new Error(`${key} --help exits with ${status}: ${stderr}`)
  const help = parseHelp(stdout)
  known.set(key, help)
  return help
}

const parseHelp = (text: string): Help => {
  const flags = new Map<string, Flag>()
  const subcommands = new Set<string>()
  let section = ""
  for (const line of text.split("\n")) {
    if (/^[A-Z ]+$/.test(line.trim()) && !line.startsWith(" ")) section = line.trim()
    const [, names = "", value = ""] = /^ {2}((?:-\S+, )*-[^\s,]+)( \S+)?/.exec(line) ?? []
    if (section.endsWith("FLAGS") && names !== "") {
      const choices = /\(choices: ([^)]+)\)/.exec(line)?.[1]?.split(", ")
      for (const name of names.split(", ")) flags.set(name, { takesValue: value !== "", choices })
    }
    if (section === "SUBCOMMANDS") {
      for (const name of /^ {2}(\S.*?) {2,}/.exec(line)?.[1]?.split(", ") ?? []) subcommands.add(name)
    }
  }
  return { flags, subcommands, text }
}

/** Every command of a program, with its help. */
export const allHelp = (words: ReadonlyArray<string>): ReadonlyArray<Help> => {
  const help = helpOf(words)
  return [help, ...[...help.subcommands].flatMap((name) => allHelp([...words, name]))]
}

/** What is wrong with the words of a command, judged by the program's help; nothing when it is right. */
export const problemsOf = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const path = [words[0] ?? ""]
  let rest = words.slice(1)
  while (helpOf(path).subcommands.has(rest[0] ?? "")) {
    path.push(rest[0] ?? "")
    rest = rest.slice(1)
  }
  const { flags, subcommands } = helpOf(path)
  const problems: Array<string> = []
  for (let index = 0; index < rest.length; index++) {
    const [name = "", attached] = (rest[index] ?? "").split("=", 2)
    if (!name.startsWith("-")) {
      if (subcommands.size > 0) problems.push(`${path.join(" ")} has no subcommand ${name}`)
      continue
    }
    const flag = flags.get(name)
    if (flag === undefined) {
      problems.push(`${path.join(" ")} has no flag ${name}`)
      continue
    }
    if (!flag.takesValue) continue
    const value = attached ?? rest[++index]
    if (value === undefined) problems.push(`${name} of ${path.join(" ")} needs a value`)
    else if (flag.choices !== undefined && !flag.choices.includes(value)) {
      problems.push(`${name} of ${path.join(" ")} does not know ${value}`)
    }
  }
  return problems
}

/**
 * Names in running text and tables exist: flags, variables, metrics, exports.
 */
import { assert, describe, it } from "vitest"
import { parse } from "../src/Markdown.ts"
import { allHelp, helpOf, programs } from "../src/Programs.ts"
import { statements } from "../src/Shell.ts"
import { namesIn, rowsOf } from "../src/tables.ts"
import { documents, filesBelow, packages, read } from "../src/workspace.ts"

const sources = [...filesBelow("packages"), ...filesBelow("apps"), ...filesBelow(".ci")].filter((file) =>
  /\/(?:src|test|deploy|bench|\.ci)\/|^\.ci\/|docs\/picture\.ts$/.test(file)
)
const sourceText = sources
  .filter((file) => !file.startsWith("packages/docs/"))
  .map(read)
  .join("\n")

/** Names that are put together in the sources are in the help. */
const helpText = (): string =>
  [...programs.keys()].flatMap((name) => allHelp([name]).map(({ text }) => text)).join("\n")

/** Variables that are everybody's, or read by a library. */
const foreign = /^(?:NO_COLOR|FORCE_COLOR|TERM|COLUMNS|XDG_CONFIG_HOME|OTEL_\w+)$/

const flagsOf = (names: Iterable<string>): ReadonlySet<string> =>
  new Set([...names].flatMap((name) => allHelp([name]).flatMap(({ flags }) => [...flags.keys()])))

/** The programs that a document is about: those of its package, else all. */
const about = (file: string): ReadonlyArray<string> => {
  const home = packages.find(({ bin, directory }) => file.startsWith(`${directory}/`) && Object.keys(bin).length > 0)
  return home === undefined ? [...programs.keys()] : Object.keys(home.bin)
}

interface Named {
  readonly at: string
  readonly name: string
}

/** The names in a document's running text that fit a pattern with one group. */
const named = (file: string, pattern: RegExp): ReadonlyArray<Named> =>
  parse(file).inlineCode.flatMap(({ at, text }) => {
    const name = pattern.exec(text)?.[1]
    return name === undefined ? [] : [{ at, name }]
  })

const FLAG = /^(--[a-z][\w-]*)/
const VARIABLE = /^([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=.*)?$/

/** In running text, and set in shell blocks. */
const variables = (file: string): ReadonlyArray<Named> => [
  ...named(file, VARIABLE),
  ...parse(file)
    .blocks.filter(({ language }) => language === "sh")
    .flatMap(statements)
    .flatMap(({ at, commands }) => commands.flatMap(({ env }) => Object.keys(env).map((name) => ({ at, name }))))
    .filter(({ name }) => VARIABLE.test(name))
]

const isRead = (name: string): boolean => {
  const exportFlag = name
    .replace(/^HB_SESSIONS_EXPORT_/, "--")
    .toLowerCase()
    .replaceAll("_", "-")
  return (
    foreign.test(name) ||
    sourceText.includes(name) ||
    helpText().includes(name) ||
    flagsOf(["hb-sessions-export"]).has(exportFlag)
  )
}

describe("in running text", () => {
  for (const file of documents.filter((name) => named(name, FLAG).length > 0)) {
    it(`every flag of ${file} exists`, () => {
      const flags = flagsOf(about(file))
      for (const { at, name } of named(file, FLAG)) assert.isTrue(flags.has(name), `${at}: ${name}`)
    })
  }

  for (const file of documents.filter((name) => variables(name).length > 0)) {
    it(`every variable of ${file} is read`, () => {
      for (const { at, name } of variables(file)) assert.isTrue(isRead(name), `${at}: nothing reads ${name}`)
    })
  }
})

describe("the README of the simulator", () => {
  const file = "packages/simulator/README.md"

  it("lists the flags that the program has, with their defaults", () => {
    const { text } = helpOf(["hb-sessions-simulator"])
    const own = [...text.slice(0, text.indexOf("GLOBAL FLAGS")).matchAll(/^ {2}(--\S+).*\(default ([^)]*)\)/gm)]
    const documented = rowsOf(file, "flag", "meaning").map(([flag = "", , value = ""]) =>
      [flag, value].map((cell) => cell.replaceAll("`", ""))
    )
    const sorted = (rows: ReadonlyArray<ReadonlyArray<string | undefined>>) =>
      rows.map((row) => row.join(" ")).toSorted()
    const plain = own.map(([, flag, value]) => [flag, (value ?? "").replace(/;.*$/, "")])
    assert.deepStrictEqual(sorted(documented), sorted(plain))
  })

  it("lists the faults and the statistics that there are", async () => {
    const known = /known: ([^)]+)\)/.exec(helpOf(["hb-sessions-simulator"]).text)?.[1]?.split(", ") ?? []
    assert.sameMembers([...namesIn(file, "fault", "what the client meets")], known)
    const { startSimulator } = await import("@hb-sessions/simulator/Simulator")
    const simulator = await startSimulator()
    const statistics = rowsOf(file, "key", "meaning").flatMap(([key = ""]) =>
      [...key.matchAll(/`(\w+)`/g)].map((match) => match[1] ?? "")
    )
    assert.sameMembers(statistics, Object.keys(simulator.stats()))
    await simulator.stop()
  })
})

describe("the README of core", () => {
  const file = "packages/core/README.md"
  const modules = filesBelow("packages/core/src").filter((name) => /^packages\/core\/src\/\w+\.ts$/.test(name))

  it("lists the metrics that there are", () => {
    const metrics = new Set(
      [
        ...filesBelow("packages/core/src")
          .map(read)
          .join("\n")
          .matchAll(/"(hb_sessions_\w+)"/g)
      ].map((match) => match[1] ?? "")
    )
    assert.sameMembers([...namesIn(file, "metric", "")], [...metrics])
  })

  it("names exports that there are", async () => {
    const exports = new Map(
      await Promise.all(
        modules.map(async (module) => {
          const found: Readonly<Record<string, unknown>> = await import(
            new URL(`../../../${module}`, import.meta.url).href
          )
          return [module.replace(/^.*\/|\.ts$/g, ""), { found, source: read(module) }] as const
        })
      )
    )
    for (const { at, text } of parse(file).inlineCode) {
      const [, name = "", member = ""] = /^([A-Z]\w+)\.(\w+)\b/.exec(text) ?? []
      const module = exports.get(name)
      const main = module?.found[name]
      const isThere =
        module === undefined ||
        member in module.found ||
        (typeof main === "function" && member in main) ||
        module.source.includes(`readonly ${member}: `)
      assert.isTrue(isThere, `${at}: ${name}.${member}`)
    }
  })
})

/**
 * Every block of every document is followed from top to bottom, as a reader would.
 */
import { startObjectStore } from "@hb-sessions/object-store/ObjectStore"
import { hasPostgres, startPostgres } from "@hb-sessions/postgres/Postgres"
import { type RunningSimulator, startSimulator } from "@hb-sessions/simulator/Simulator"
import { Toml } from "effect/encoding"
import * as Result from "effect/Result"
import { spawnSync } from "node:child_process"
import { assert, describe, it } from "vitest"
import { parse as parseYaml } from "yaml"
import { type Block, parse } from "../src/Markdown.ts"
import { reasonNotToRun } from "../src/notRun.ts"
import { problemsOf, programs } from "../src/Programs.ts"
import { isTest, Sandbox } from "../src/Sandbox.ts"
import { type Command, commandsOf, type Statement, statements } from "../src/Shell.ts"
import { runSql } from "../src/Sql.ts"
import { documents, packages } from "../src/workspace.ts"

const has = (program: string): boolean => spawnSync(program, ["--version"]).error === undefined

/** Programs that a document may use and a machine may lack. */
const optional = new Set([
  ...["aws", "curl", "jq"].filter((program) => !has(program)),
  ...(hasPostgres && has("jq") ? [] : ["psql", "apps/export/deploy/load-postgresql.sh"])
])

/** Takes one step after the other; resolves with what the last one printed. */
const inOrder = <A>(items: ReadonlyArray<A>, step: (item: A, before: string) => Promise<string>): Promise<string> =>
  items.reduce((before, item) => before.then((printed) => step(item, printed)), Promise.resolve(""))

/** Follows a block; resolves with what its last command has printed, given what the block before has. */
const follow = async (sandbox: Sandbox, block: Block, before: string): Promise<string> => {
  if (block.language === "sh") {
    return await inOrder(statements(block), (statement) => execute(sandbox, statement))
  }
  if (block.language === "ts") {
    const file = `${block.at.replaceAll(/\W/g, "-")}${isTest(block.text) ? ".test" : ""}.ts`
    const { code, stderr, stdout } = await sandbox.runTypeScript(file, block.text)
    assert.strictEqual(code, 0, `${block.at}: ${stderr}${stdout}`)
    return stdout
  }
  if (block.language === "sql") {
    assert.isAbove(await runSql(sandbox.adapt(block.text)), 0, `${block.at}: it finds nothing`)
    return ""
  }
  if (block.language === "json" && before !== "") {
    // What a server prints, the port aside.
    const [shown, printed] = [block.text, before].map((text) => JSON.parse(text.replace(/:\d+"/, ':0"')))
    assert.deepStrictEqual(shown, printed, block.at)
  } else checkData(block)
  return ""
}

const assertFollowed = (sandbox: Sandbox, blocks: ReadonlyArray<Block>): Promise<string> =>
  inOrder(blocks, (block, before) => follow(sandbox, block, before))

const execute = async (sandbox: Sandbox, statement: Statement): Promise<string> => {
  for (const { words } of statement.commands) {
    if (programs.has(words[0] ?? "")) assert.deepStrictEqual(problemsOf(words), [], statement.at)
  }
  const reasons = statement.commands.map(reasonNotToRun).filter((reason) => reason !== undefined)
  if (reasons.length > 0) {
    const problems = statement.commands.flatMap((command) => reasonNotToRun(command)?.problems(command.words) ?? [])
    assert.deepStrictEqual(problems, [], statement.at)
    return ""
  }
  const missing = statement.commands.map(({ words }) => words[0] ?? "").filter((program) => optional.has(program))
  if (missing.length > 0) {
    console.warn(`skipped: ${statement.at}, because ${missing.join(", ")} is not installed`)
    return ""
  }
  const { code, stderr, stdout } = await sandbox.run(statement)
  assert.strictEqual(code, 0, `${statement.at}: ${statement.text}\n${stderr}`)
  if (statement.output.length > 0) {
    assert.strictEqual(sandbox.asDocumented(stdout + stderr).trimEnd(), statement.output.join("\n"), statement.at)
  }
  return stdout
}

/** Blocks that are data. */
const checkData = ({ at, language, text }: Block): void => {
  if (language === "json") JSON.parse(text)
  else if (language === "toml") assert.isTrue(Result.isSuccess(Toml.parse(text)), at)
  else if (language === "yaml") parseYaml(text)
  else if (language === "md") checkChangeset(at, text)
  else if (language === "python") checkPython(at, text)
  else assert.strictEqual(language, "text", `${at}: no check knows this language`)
}

const checkChangeset = (at: string, text: string): void => {
  const front = /^---\n([^]*?)\n---\n\n\S/.exec(text)?.[1]
  assert.isDefined(front, at)
  for (const [name, bump] of Object.entries(parseYaml(front ?? ""))) {
    assert.include(
      packages.map((one) => one.name),
      name,
      at
    )
    assert.include(["none", "patch", "minor", "major"], bump, at)
  }
}

const checkPython = (at: string, text: string): void => {
  if (!has("python3")) return console.warn(`skipped: ${at}, because python3 is not installed`)
  const { status, stderr } = spawnSync("python3", ["-c", "import ast, sys; ast.parse(sys.stdin.read())"], {
    input: text,
    encoding: "utf8"
  })
  assert.strictEqual(status, 0, `${at}: ${stderr}`)
}

/** The simulated sessions never end, so a wait for them would not either. */
const endAll = ({ world }: RunningSimulator): void => {
  while (world.mutate("end") !== undefined);
}

describe.skipIf(process.platform === "win32")("a reader can follow", () => {
  for (const { blocks, file } of documents
    .map((name) => parse(name))
    .filter((document) => document.blocks.length > 0)) {
    it(`${file}`, { timeout: 120_000 }, async () => {
      // As many sessions as the document says that it reads.
      const isLong = blocks.some(({ text }) => text.includes("2000 sessions"))
      const simulator = await startSimulator({ sessions: isLong ? 2000 : 200 })
      const store = blocks.some(({ text }) => text.includes("s3://")) ? await startObjectStore() : undefined
      const usesPostgres = hasPostgres && blocks.some(({ text }) => text.includes("psql"))
      const postgres = usesPostgres ? await startPostgres() : undefined
      const sandbox = new Sandbox(simulator.url, file, { ...store?.environment, ...postgres?.env })
      if (blocks.some(({ text }) => text.includes("--until-idle"))) endAll(simulator)
      try {
        await assertFollowed(sandbox, blocks)
      } finally {
        await sandbox.close()
        await simulator.stop()
        await store?.stop()
        await postgres?.stop()
      }
    })
  }
})

/** The commands in a document's running text. */
const inText = (file: string): ReadonlyArray<{ readonly at: string; readonly command: Command }> =>
  parse(file)
    .inlineCode.filter(({ text }) => /^(?:npx|npm|docker|kubectl|systemctl|hb-sessions\S*) [a-z-]/.test(text))
    .flatMap(({ at, text }) => commandsOf(text).map((command) => ({ at, command })))

describe("commands in running text", () => {
  for (const file of documents.filter((name) => inText(name).length > 0)) {
    it(`of ${file} are right`, () => {
      for (const { at, command } of inText(file)) {
        const isOurs = programs.has(command.words[0] ?? "")
        const problems = isOurs ? problemsOf(command.words) : reasonNotToRun(command)?.problems(command.words)
        assert.isDefined(problems, `${at}: no check knows this command`)
        assert.deepStrictEqual(problems, [], at)
      }
    })
  }
})

/**
 * What the README says is what the program does. `UPDATE_README=1` writes the settings and the help into it.
 */
import { assert, describe, it } from "@effect/vitest"
import { exitCodes } from "@hb-sessions/app-kit/AppError"
import { fileKey, rows } from "@hb-sessions/app-kit/Setting"
import { inCode, plain, table, withSections } from "@hb-sessions/app-kit/withSections"
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { settings } from "../src/settings/settings.ts"
import { run, runInstalled } from "./Cli.ts"

const readme = new URL("../README.md", import.meta.url)

const commands = [
  [],
  ["list"],
  ["get"],
  ["count"],
  ["stats"],
  ["watch"],
  ["open"],
  ["config"],
  ["config", "list"],
  ["config", "get"],
  ["config", "set"],
  ["config", "path"],
  ["auth"],
  ["auth", "login"],
  ["auth", "status"],
  ["auth", "logout"],
  ["doctor"],
  ["completions"]
]

const GLOBAL = /\nGLOBAL FLAGS\n(?: {2}[^\n]*\n)+/

const help = Effect.map(
  Effect.forEach(
    commands,
    (command) =>
      // The build writes the text of the first.
      Effect.map((command.length === 0 ? runInstalled : run)([...command, "--help"]), ({ code, stdout }) => {
        assert.strictEqual(code, 0)
        const text = command.length === 0 ? stdout : stdout.replace(GLOBAL, "")
        return `### \`${["hb-sessions", ...command].join(" ")}\`\n\n\`\`\`text\n${text.trimEnd().replaceAll(/ +$/gm, "")}\n\`\`\`\n`
      }),
    { concurrency: 2 }
  ),
  (blocks) => blocks.join("\n")
)

const settingsTable = table(
  ["setting", "variable", "meaning", "default"],
  rows(settings).map(({ default: fallback, meaning, name, variable }) => [
    inCode(fileKey(name)),
    inCode(variable),
    meaning,
    fallback
  ])
)

describe("README", () => {
  it.live("holds the settings and the help of every command, as the program has them", () =>
    Effect.gen(function* () {
      const before = readFileSync(readme, "utf8")
      const after = withSections(before, { settings: settingsTable, help: yield* help })
      if (process.env["UPDATE_README"] === "1") writeFileSync(readme, after)
      else assert.strictEqual(plain(before), plain(after), "run UPDATE_README=1 vitest run test/readme.test.ts")
    })
  )

  it("names every exit code", () => {
    const text = readFileSync(readme, "utf8")
    for (const code of [0, ...Object.values(exitCodes), 130]) assert.match(text, new RegExp(`^\\| ${code} +\\|`, "m"))
  })

  it("shows a picture of a run", () => {
    assert.include(readFileSync(readme, "utf8"), "docs/terminal.svg")
    const picture = readFileSync(new URL("../docs/terminal.svg", import.meta.url), "utf8")
    for (const text of ["hb-sessions list", "LASTED", "complete (proven)", "By week"]) assert.include(picture, text)
  })
})

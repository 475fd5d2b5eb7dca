/**
 * What the README says is what the program does. `UPDATE_README=1` writes the help into it.
 */
import { assert, describe, it } from "@effect/vitest"
import { exitCodes } from "@hb-sessions/app-kit/AppError"
import { fileKey, rows } from "@hb-sessions/app-kit/Setting"
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { settings } from "../src/settings/settings.ts"
import { run } from "./Cli.ts"

const readme = new URL("../README.md", import.meta.url)
const BEGIN = "<!-- help: made from the program; UPDATE_README=1 writes it anew -->"
const END = "<!-- end of help -->"

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
      Effect.map(run([...command, "--help"]), ({ code, stdout }) => {
        assert.strictEqual(code, 0)
        const text = command.length === 0 ? stdout : stdout.replace(GLOBAL, "")
        return `### \`${["hb-sessions", ...command].join(" ")}\`\n\n\`\`\`text\n${text.trimEnd().replaceAll(/ +$/gm, "")}\n\`\`\`\n`
      }),
    { concurrency: 2 }
  ),
  (blocks) => `${BEGIN}\n\n${blocks.join("\n")}\n${END}`
)

describe("README", () => {
  it.live("holds the help of every command, as the program prints it", () =>
    Effect.gen(function* () {
      const text = readFileSync(readme, "utf8")
      const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END) + END.length]
      assert.isAbove(begin, 0)
      const expected = yield* help
      if (process.env["UPDATE_README"] === "1") {
        writeFileSync(readme, text.slice(0, begin) + expected + text.slice(end))
      } else {
        assert.strictEqual(text.slice(begin, end), expected)
      }
    })
  )

  it("names every exit code and every setting", () => {
    const text = readFileSync(readme, "utf8")
    for (const code of [0, ...Object.values(exitCodes), 130]) assert.match(text, new RegExp(`^\\| ${code} +\\|`, "m"))
    for (const { default: fallback, name, variable } of rows(settings)) {
      const row = text.split("\n").find((line) => line.startsWith(`| \`${fileKey(name)}\``)) ?? ""
      assert.include(row, variable)
      assert.include(row, fallback)
    }
  })

  it("shows a picture of a run", () => {
    assert.include(readFileSync(readme, "utf8"), "docs/terminal.svg")
    const picture = readFileSync(new URL("../docs/terminal.svg", import.meta.url), "utf8")
    for (const text of ["hb-sessions list", "LASTED", "complete (proven)", "By week"]) assert.include(picture, text)
  })
})

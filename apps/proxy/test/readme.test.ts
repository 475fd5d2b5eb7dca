/**
 * The parts of the README that are generated. `UPDATE_README=1` writes them.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { inCode, plain, table, withSections } from "@hb-sessions/app-kit/withSections"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { problems } from "../src/http/Problem.ts"
import { rows } from "../src/settings/Settings.ts"
import { bin } from "./support/Proxy.ts"

const readme = fileURLToPath(new URL("../README.md", import.meta.url))

const settings = table(
  ["flag", "environment", "meaning", "default"],
  rows.map(({ default: fallback, flag, meaning, variable }) => [inCode(flag), inCode(variable), meaning, fallback])
)

const errors = table(
  ["status", "`type` ends in", "title"],
  Object.entries(problems).map(([name, [status, title]]) => [String(status), inCode(name), title])
)

const commands = [
  [],
  ["serve"],
  ["token"],
  ["token", "create"],
  ["token", "list"],
  ["token", "revoke"],
  ["token", "rotate"],
  ["usage"]
]

it.live("tells every setting, every problem and the help of every command as they are", () =>
  Effect.gen(function* () {
    const help = yield* Effect.forEach(commands, (command) =>
      Effect.map(Bin.run(bin, [...command, "--help"], { NO_COLOR: "1" }), ({ stdout }) => {
        const text = stdout
          .split("\n")
          .map((line) => line.trimEnd())
          .join("\n")
          .trim()
        return `### \`${["hb-sessions-proxy", ...command].join(" ")} --help\`\n\n\`\`\`text\n${text}\n\`\`\``
      })
    )
    const before = readFileSync(readme, "utf8")
    const after = withSections(before, { problems: errors, settings, help: help.join("\n\n") })
    if (process.env["UPDATE_README"] !== undefined) writeFileSync(readme, after)
    else assert.strictEqual(plain(before), plain(after), "run UPDATE_README=1 vitest run test/readme.test.ts")
  })
)

/**
 * The parts of the README that are generated. `UPDATE_README=1` writes them.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { problems } from "../src/http/Problem.ts"
import { rows } from "../src/settings/Settings.ts"
import { bin } from "./support/Proxy.ts"

const readme = fileURLToPath(new URL("../README.md", import.meta.url))

const settings = [
  "| flag | environment | meaning | default |",
  "| --- | --- | --- | --- |",
  ...rows.map(
    ({ default: fallback, flag, meaning, variable }) =>
      `| \`${flag}\` | ${variable === "" ? "" : `\`${variable}\``} | ${meaning} | ${fallback} |`
  )
].join("\n")

const errors = [
  "| status | `type` ends in | title |",
  "| --- | --- | --- |",
  ...Object.entries(problems).map(([name, [status, title]]) => `| ${status} | \`${name}\` | ${title} |`)
].join("\n")

const commands = [
  [],
  ["serve"],
  ["token"],
  ["token", "create"],
  ["token", "list"],
  ["token", "revoke"],
  ["token", "rotate"]
]

const between = (name: string) => new RegExp(`(<!-- ${name}:start -->\\n)[^]*?(<!-- ${name}:end -->)`)

/** Without what the formatter decides. */
const plain = (text: string) => text.replaceAll(/[ \t]+/g, " ").replaceAll(/-{3,}/g, "---")

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
    let after = before
    for (const [name, text] of [
      ["problems", errors],
      ["settings", settings],
      ["help", help.join("\n\n")]
    ] as const) {
      assert.match(before, between(name))
      after = after.replace(between(name), (_, start: string, end: string) => `${start}\n${text}\n\n${end}`)
    }
    if (process.env["UPDATE_README"] !== undefined) writeFileSync(readme, after)
    else assert.strictEqual(plain(before), plain(after), "run UPDATE_README=1 vitest run test/readme.test.ts")
  })
)

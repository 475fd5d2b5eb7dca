/**
 * The generated parts of the documents. `node test/documents.ts` writes them; a test compares.
 */
import { rows } from "@hb-sessions/app-kit/Setting"
import { variablesTable, withSections } from "@hb-sessions/app-kit/withSections"
import { clientSettings } from "@hb-sessions/core/SessionsConfig"
import { Schema } from "effect"
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Notification } from "../src/operations/Notification.ts"
import { Manifest } from "../src/publish/Manifest.ts"

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))

const help = (command: string): string =>
  spawnSync(process.execPath, [at("dist/bin.js"), ...command.split(" "), "--help"], {
    encoding: "utf8",
    env: { NO_COLOR: "1" }
  }).stdout.trimEnd()

/** A JSON Schema with a final newline. */
const jsonSchema = (of: Schema.Constraint): string => {
  const { definitions, schema } = Schema.toJsonSchemaDocument(of)
  const document = { $schema: "https://json-schema.org/draft/2020-12/schema", ...schema, $defs: definitions }
  return `${JSON.stringify(document, undefined, 2)}\n`
}

const commands = ["run", "schedule", "worker", "fleet", "fleet status", "compact", "verify", "inspect"]

const flagOf = (line: string): string => /^ {2}(--[\w-]+)/.exec(line)?.[1] ?? ""

/** The help of a command that has all flags of `run`, without them. */
const withoutRun = (text: string): string => {
  const ofRun = new Set(help("run").split("\n").map(flagOf))
  return text
    .split("\n")
    .filter((line) => flagOf(line) === "" || !ofRun.has(flagOf(line)))
    .join("\n")
    .replace(/\nFLAGS\n|\nGLOBAL FLAGS\n(?=\n)/g, (title) =>
      title === "\nFLAGS\n" ? `${title}  The flags of run\n` : ""
    )
}

/** The README with its help blocks as the program prints them, and the settings of core's client. */
const readme = (text: string): string => {
  const blocks = commands.map((command) => {
    const printed = help(command)
    const shown =
      command === "schedule" || command === "worker" || command === "inspect" ? withoutRun(printed) : printed
    return [`help-${command.replace(" ", "-")}`, `\`\`\`text\n${shown}\n\`\`\``]
  })
  return withSections(text, { ...Object.fromEntries(blocks), settings: variablesTable(rows(clientSettings)) })
}

/** JSON without the format of the repository. */
const plain = (text: string): string => (text === "" ? "" : `${JSON.stringify(JSON.parse(text), undefined, 2)}\n`)

/** Each generated document as it is, and as it should be. */
export const documents = (): ReadonlyArray<{ readonly file: string; readonly is: string; readonly should: string }> => {
  const read = (path: string) => {
    try {
      return readFileSync(at(path), "utf8")
    } catch {
      return ""
    }
  }
  return [
    { file: at("manifest.schema.json"), is: plain(read("manifest.schema.json")), should: jsonSchema(Manifest) },
    {
      file: at("notification.schema.json"),
      is: plain(read("notification.schema.json")),
      should: jsonSchema(Notification)
    },
    { file: at("README.md"), is: read("README.md"), should: readme(read("README.md")) }
  ]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { file, should } of documents()) writeFileSync(file, should)
}

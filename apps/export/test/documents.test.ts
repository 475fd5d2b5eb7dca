import { plain } from "@hb-sessions/app-kit/withSections"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { readFileSync } from "node:fs"
import { basename } from "node:path"
import { fileURLToPath } from "node:url"
import { exitCodes } from "../src/exitCodes.ts"
import { Notification, textOf } from "../src/operations/Notification.ts"
import { documents } from "./documents.ts"

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const read = (path: string) => readFileSync(at(path), "utf8")

describe("generated documents", () => {
  for (const { file, is, should } of documents()) {
    it(`${basename(file)} is what "node test/documents.ts" writes`, () => assert.strictEqual(plain(is), plain(should)))
  }

  it("the README shows a notification as it would be sent", () => {
    const [, example = ""] = /```json\n(\{\n {2}"schemaVersion"[\s\S]*?)```/.exec(read("README.md")) ?? []
    const shown = Schema.decodeUnknownSync(Notification, { onExcessProperty: "error" })(JSON.parse(example))
    assert.strictEqual(shown.text, textOf(shown))
  })

  it("the README names every exit code", () => {
    const text = read("README.md")
    for (const code of Object.values(exitCodes)) assert.match(text, new RegExp(`^\\| ${code} +\\|`, "m"))
  })
})

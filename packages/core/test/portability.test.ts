/**
 * Core runs wherever there is `fetch`: every module is bundled for a browser, and must need nothing else.
 */
import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"

const src = fileURLToPath(new URL("../src/", import.meta.url))
const modules = readdirSync(src).filter((name) => name.endsWith(".ts"))

describe("every module", () => {
  for (const name of modules) {
    it(`${name} can be bundled for a browser without an import left`, async () => {
      const bundle = await rolldown({ input: `${src}${name}`, platform: "browser", logLevel: "silent" })
      const { output } = await bundle.generate({ format: "esm" })
      await bundle.close()
      const imports = output.flatMap((part) => (part.type === "chunk" ? [...part.imports, ...part.dynamicImports] : []))
      const chunks = new Set(output.map((part) => part.fileName))
      assert.deepStrictEqual(
        imports.filter((specifier) => !chunks.has(specifier)),
        []
      )
    })
  }

  it("imports nothing but effect and its neighbours", () => {
    const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"))
    for (const file of files) {
      const specifiers = [...readFileSync(`${src}${file}`, "utf8").matchAll(/(?:from|import) "([^"]+)"/g)].map(
        (m) => m[1]
      )
      for (const specifier of specifiers) {
        assert.match(specifier ?? "", /^(?:\.{1,2}\/|effect\/(?!cli))/, `${file} imports ${specifier}`)
      }
    }
  })
})

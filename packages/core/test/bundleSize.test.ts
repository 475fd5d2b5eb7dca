/**
 * What of the package is in a bundle for browsers.
 */
import { assert, describe, it } from "@effect/vitest"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { rolldown } from "rolldown"

const src = fileURLToPath(new URL("../src/", import.meta.url))

const bundled = async (code: string) => {
  const entry = `${src}entry.ts`
  const bundle = await rolldown({
    input: entry,
    platform: "browser",
    logLevel: "silent",
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === entry ? id : null),
        load: (id) => (id === entry ? code : null)
      }
    ]
  })
  const { output } = await bundle.generate({ format: "esm", codeSplitting: false, minify: true })
  await bundle.close()
  const [{ code: text, modules }] = output
  const used = Object.entries(modules).flatMap(([id, { renderedLength }]) => (renderedLength > 0 ? [id] : []))
  return { modules: used, bytes: text.length, gzip: gzipSync(text).length }
}

const read = "(console.log)"

describe("a bundle for browsers", () => {
  for (const [name, code, most] of [
    [
      "of the client without Effect",
      `import { createSessionsClient } from "./promise.ts"; ${read}(createSessionsClient)`,
      90_000
    ],
    [
      "of the client with Effect",
      `import { SessionsClient } from "./SessionsClient.ts"; import * as Sessions from "./Sessions.ts"; ${read}(Sessions.stream, SessionsClient)`,
      85_500
    ]
  ] as const) {
    it(`${name} has nothing of servers, and is small`, async () => {
      const { gzip, modules } = await bundled(code)
      assert.deepStrictEqual(
        modules.filter((id) => /http-api|HttpServer|HttpRouter|OpenApi|SessionsApi|Csv|Stats|cli\//.test(id)),
        []
      )
      assert.isAtMost(gzip, most)
    })
  }

  it("has the same of the root import as of the modules", async () => {
    const root = await bundled(`import { createSessionsClient } from "./index.ts"; ${read}(createSessionsClient)`)
    const own = await bundled(`import { createSessionsClient } from "./promise.ts"; ${read}(createSessionsClient)`)
    assert.isAtMost(Math.abs(root.bytes - own.bytes), 100)
    const schema = await bundled(`import { Session } from "./index.ts"; ${read}(Session)`)
    assert.isBelow(schema.bytes, own.bytes)
    assert.deepStrictEqual(
      schema.modules.filter((id) => /SessionsClient|promise|HttpClient/.test(id)),
      []
    )
  })
})

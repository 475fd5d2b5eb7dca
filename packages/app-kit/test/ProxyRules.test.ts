import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import { clearTextWarning } from "../src/clearText.ts"
import { proxyFor } from "../src/ProxyRules.ts"

const proxy = { variable: "HTTP_PROXY", url: Redacted.make("http://proxy"), origin: "http://proxy" }

describe("NO_PROXY", () => {
  const cases: ReadonlyArray<readonly [entry: string, url: string, isDirect: boolean]> = [
    ["example.com", "http://example.com", true],
    ["example.com", "https://api.example.com", true],
    [".example.com", "http://example.com", true],
    ["*.example.com", "http://a.b.example.com", true],
    ["example.com", "http://notexample.com", false],
    ["example.com:8080", "http://example.com:8080", true],
    ["example.com:8080", "http://example.com", false],
    ["example.com:443", "https://example.com", true],
    ["localhost", "http://127.0.0.1", false],
    ["127.0.0.1", "http://127.0.0.1:1234", true],
    ["127.0.0.0/8", "http://127.9.9.9", true],
    ["10.0.0.0/8", "http://11.0.0.1", false],
    ["10.0.0.0/99", "http://10.0.0.1", false],
    ["::1", "http://[::1]:80", true],
    ["[::1]", "http://[::1]", true],
    ["fd00::/8", "http://[fd12::1]", true],
    ["1", "http://10.0.0.1", false]
  ]
  for (const [entry, url, isDirect] of cases) {
    it(`${entry} ${isDirect ? "lets" : "does not let"} ${url} go directly`, () => {
      const found = proxyFor({ http: proxy, https: proxy, except: [entry] }, new URL(url))
      assert.strictEqual(found === undefined, isDirect)
    })
  }
})

describe("a base URL of plain http", () => {
  for (const url of [
    "https://api.example",
    "http://localhost:1",
    "http://a.localhost",
    "http://127.1.2.3",
    "http://[::1]"
  ]) {
    it(`${url} needs no warning`, () => assert.isUndefined(clearTextWarning(new URL(url))))
  }
  for (const url of ["http://api.example", "http://10.0.0.1", "http://localhost.example", "http://127.0.0.1.example"]) {
    it(`${url} sends the key in the clear`, () => assert.match(clearTextWarning(new URL(url)) ?? "", /in the clear/))
  }
})

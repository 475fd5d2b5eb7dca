/**
 * What `Accept-Encoding` means.
 */
import { assert, describe, it } from "@effect/vitest"
import { read } from "../src/http/AcceptEncoding.ts"

describe("Accept-Encoding", () => {
  for (const [header, coding, takesPlain] of [
    [undefined, undefined, true],
    ["", undefined, true],
    ["gzip", "gzip", true],
    ["gzip, deflate, br", "br", true],
    ["gzip, deflate, br, zstd", "zstd", true],
    ["GZIP", "gzip", true],
    ["x-gzip", "gzip", true],
    ["x-gzip;q=0, gzip", undefined, true],
    ["br;q=0.5, gzip;q=0.8", "gzip", true],
    ["br ; q=0.5 ,\tgzip;Q=0.5", "br", true],
    ["gzip;q=0", undefined, true],
    ["gzip;q=0.001", "gzip", true],
    ["deflate", undefined, true],
    ["identity", undefined, true],
    ["identity, gzip", "gzip", true],
    ["identity;q=1, gzip;q=0.9", undefined, true],
    ["identity;q=0.5, gzip;q=0.9", "gzip", true],
    // One that takes anything gets what is most usual.
    ["*", "gzip", true],
    ["*;q=0.1", "gzip", true],
    ["gzip;q=0, *", "br", true],
    ["br;q=0.5, *;q=0.1", "br", true],
    ["*;q=0", undefined, false],
    ["*;q=0, br", "br", false],
    ["*;q=0, identity", undefined, true],
    ["*;q=0, identity;q=0.2, gzip;q=0.1", undefined, true],
    ["identity;q=0", undefined, false],
    ["identity;q=0, deflate", undefined, false],
    ["identity;q=0, gzip", "gzip", false],
    // Malformed elements mean nothing, the others what they say.
    ["gzip;q=2", undefined, true],
    ["gzip;q=-1, br", "br", true],
    ["gzip;q=0.1234", undefined, true],
    ["gzip;q=x, identity;q=y", undefined, true],
    ["gzip;level=9", undefined, true],
    [",, ,gzip,", "gzip", true],
    ["g zip, br", "br", true],
    ["gzip, gzip;q=0", undefined, true],
    [`${"a,".repeat(5000)}gzip`, "gzip", true],
    ["__proto__, constructor", undefined, true]
  ] as const) {
    it(`is read: ${header?.slice(0, 60)}`, () => assert.deepStrictEqual(read(header), { coding, takesPlain }))
  }

  it("is remembered without mixing clients up", () => {
    for (let index = 0; index < 1000; index++) assert.strictEqual(read(`x${index}, br`).coding, "br")
    assert.strictEqual(read("gzip").coding, "gzip")
    assert.isUndefined(read("x").coding)
  })
})

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as CachedResponse from "../src/cache/CachedResponse.ts"
import { Prepared } from "../src/cache/Prepared.ts"

const make = (text: string) => CachedResponse.make(Buffer.from(text), { contentType: "text/plain" })

/** Asks until it is kept. */
const kept = (response: CachedResponse.CachedResponse): Prepared => {
  for (;;) {
    const { prepared } = response
    if (prepared.isKept) return prepared
  }
}

describe("what is sent beside a body", () => {
  it.effect("is put together once for each version and coding", () =>
    Effect.sync(() => {
      const prepared = new Prepared('"a"', "text/plain")
      const body = Buffer.from("é")
      prepared.update(1, () => ["age", "1"])
      prepared.update(1, () => ["age", "not asked for"])
      assert.deepStrictEqual(prepared.notModified(undefined), ["etag", '"a"', "age", "1"])
      const full = ["etag", '"a"', "age", "1", "content-type", "text/plain", "content-length", "2"]
      assert.deepStrictEqual(prepared.full(undefined, body), full)
      assert.strictEqual(prepared.full(undefined, body), prepared.full(undefined, body))
      const etag = prepared.tag("gzip")
      assert.match(etag, /^"a-gzip[\w.]*"$/)
      assert.deepStrictEqual(prepared.full("gzip", Buffer.from("coded")), [
        ...["etag", etag, "age", "1", "content-type", "text/plain"],
        ...["content-encoding", "gzip", "content-length", "5"]
      ])
      prepared.update(2, () => ["age", "2"])
      assert.deepStrictEqual(prepared.notModified("gzip"), ["etag", etag, "age", "2"])
      assert.deepStrictEqual(prepared.full(undefined, body), full.with(3, "2"))
    })
  )

  it.effect("is a text of the same bytes for a small body, and that of no other", () =>
    Effect.sync(() => {
      const prepared = new Prepared('"a"', "text/plain")
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
      const coded = Buffer.from("coded")
      for (let turn = 0; turn < 2; turn++) {
        assert.deepStrictEqual(Buffer.from(prepared.text(undefined, bytes) as string, "latin1"), bytes)
        assert.strictEqual(prepared.text("gzip", coded), "coded")
      }
      assert.strictEqual(prepared.text("gzip", Buffer.from("made anew")), "made anew")
      const large = Buffer.alloc(16_385)
      assert.strictEqual(prepared.text(undefined, large), large)
    })
  )

  it.effect("is kept for what is sent often, and for no more than 128 bodies", () =>
    Effect.sync(() => {
      const first = make("first")
      const before = kept(first)
      before.update(1, () => ["age", "1"])
      assert.strictEqual(first.prepared, before)
      const others = Array.from({ length: 127 }, (_, index) => make(String(index)))
      others.forEach(kept)
      assert.strictEqual(first.prepared, before)
      kept(make("one more"))
      assert.isFalse(before.isKept)
      assert.deepStrictEqual(before.notModified(undefined), ["etag", first.etag])
      assert.notStrictEqual(first.prepared, before)
      assert.strictEqual(others[1]?.prepared, others[1]?.prepared)
    })
  )
})

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as CachedResponse from "../src/cache/CachedResponse.ts"
import { CodedForms } from "../src/cache/CodedForms.ts"
import { Prepared, type Version } from "../src/cache/Prepared.ts"
import { sendBody } from "../src/cache/sendBody.ts"
import { Exchange } from "../src/http/Exchange.ts"
import { Outbox } from "../src/http/Outbox.ts"
import { targetOf } from "../src/http/RequestValidation.ts"

const make = (text: string) => CachedResponse.make(Buffer.from(text), { contentType: "text/plain" })

/** Asks until it is kept. */
const kept = (response: CachedResponse.CachedResponse): Prepared => {
  for (;;) {
    const { prepared } = response
    if (prepared.isKept) return prepared
  }
}

const version: Version = { state: "hit", fresh: 3, age: 1 }

describe("what is sent beside a body", () => {
  it.effect("is put together once for each version and coding", () =>
    Effect.sync(() => {
      const prepared = new Prepared('"a"', "text/plain")
      const body = Buffer.from("é")
      prepared.update(version, () => ["age", "1"])
      prepared.update({ ...version }, () => ["age", "not asked for"])
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
      for (const [index, changed] of [{ age: 2 }, { fresh: 2 }, { state: "stale" }].entries()) {
        const age = String(index + 2)
        prepared.update({ ...version, ...changed }, () => ["age", age])
        assert.deepStrictEqual(prepared.notModified("gzip"), ["etag", etag, "age", age])
        assert.deepStrictEqual(prepared.full(undefined, body), full.with(3, age))
      }
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
      before.update(version, () => ["age", "1"])
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

  it.live("is that of its own answer, though that waits for a coding while others are sent", () =>
    Effect.acquireUseRelease(
      Effect.promise(async () => {
        const surroundings = { log: () => {}, isDraining: () => false, outbox: new Outbox(1_000_000, () => {}) }
        const prepared = new Prepared('"a"', "text/plain")
        const [body, forms] = [Buffer.alloc(1_000_000, "text"), new CodedForms()]
        let asked = 0
        const server = createServer((request, response) => {
          const at = { id: "id", address: "address", target: targetOf(request.url ?? "") }
          prepared.update({ ...version, age: ++asked }, () => ["age", String(asked)])
          const exchange = new Exchange(request, response, at, surroundings)
          sendBody(exchange, { body, prepared, forms, keep: () => true, isLong: false })
          if (asked === 3) prepared.forget()
        })
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
        return server
      }),
      (server) =>
        Effect.promise(async () => {
          const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
          const headers = { "accept-encoding": "br" }
          const answers = await Promise.all([1, 2, 3].map(() => fetch(url, { headers })))
          assert.sameMembers(
            answers.map((answer) => answer.headers.get("age")),
            ["1", "2", "3"]
          )
          const bodies = await Promise.all(answers.map((answer) => answer.text()))
          for (const body of bodies) assert.lengthOf(body, 1_000_000)
        }),
      (server) => Effect.sync(() => void server.close().closeAllConnections())
    )
  )
})

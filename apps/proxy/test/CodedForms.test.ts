/**
 * Compressed forms of a body: made once, kept where there is room, and no more of them at a time than is good.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { randomBytes } from "node:crypto"
import { CodedForms } from "../src/cache/CodedForms.ts"
import * as CachedResponse from "../src/cache/CachedResponse.ts"
import type { Coding } from "../src/http/AcceptEncoding.ts"
import { codings, decoded } from "./support/Coded.ts"

const text = Buffer.from("a line of a page that is much like the others\n".repeat(200))

const take = (forms: CodedForms, body: Buffer, coding: Coding, keep: (bytes: number) => boolean = () => true) =>
  Effect.callback<Buffer | undefined>((resume) =>
    forms.take(body, coding, keep, (form) => resume(Effect.succeed(form)))
  )

const both = (coding: Coding) => ({ coding, takesPlain: true })

describe("the forms of a body", () => {
  for (const coding of codings) {
    it.live(`are made once for all who ask at the same time and later, and counted: ${coding}`, () =>
      Effect.gen(function* () {
        const forms = new CodedForms()
        const kept: Array<number> = []
        const keep = (bytes: number) => kept.push(bytes) > 0
        const first = yield* Effect.all(
          Array.from({ length: 5 }, () => take(forms, text, coding, keep)),
          { concurrency: "unbounded" }
        )
        const last = yield* take(forms, text, coding, keep)
        assert.lengthOf(kept, 1)
        assert.strictEqual(decoded(last ?? Buffer.alloc(0), coding), text.toString())
        for (const form of first) assert.deepStrictEqual(form, last)
        assert.isAtLeast(kept[0] ?? 0, last?.buffer.byteLength ?? 0)
        // What is kept is all that it holds in memory.
        assert.strictEqual(last?.buffer.byteLength, last?.length)
      })
    )
  }

  it.live("are of no use where they are no smaller, or have no room, and are not made again", () =>
    Effect.gen(function* () {
      const noise = randomBytes(5000)
      for (const [body, hasRoom] of [
        [noise, true],
        [text, false]
      ] as const) {
        const forms = new CodedForms()
        assert.strictEqual(forms.choose(body, both("gzip")), "gzip")
        yield* take(forms, body, "gzip", () => hasRoom)
        assert.isUndefined(forms.choose(body, both("gzip")))
        // But for a client that excludes the body as it is.
        const strict = { coding: "gzip", takesPlain: false } as const
        assert.strictEqual(forms.choose(body, strict), "gzip")
        const again = yield* take(forms, body, "gzip", () => hasRoom)
        assert.strictEqual(decoded(again ?? body, "gzip"), body.toString())
      }
    })
  )

  it.live("are not waited for in a crowd: a client gets the body as it is", () =>
    Effect.gen(function* () {
      const all = Array.from({ length: 100 }, () => new CodedForms())
      // Each has been begun before the next is chosen.
      const made = yield* Effect.forEach(
        all,
        (forms) =>
          Effect.suspend(() => {
            const coding = forms.choose(text, both("br"))
            return coding === undefined ? Effect.undefined : take(forms, text, coding)
          }),
        { concurrency: "unbounded" }
      )
      const plain = made.filter((form) => form === undefined)
      assert.isAtLeast(plain.length, 20)
      assert.isAtMost(plain.length, 60)
      assert.strictEqual(new CodedForms().choose(text, both("br")), "br")
    })
  )

  it.live("are taken over by the same body when it is fetched anew, and by no other", () =>
    Effect.gen(function* () {
      const response = (body: Buffer, isFixed = false) =>
        CachedResponse.make(body, { contentType: "text/plain", isFixed })
      const older = response(text)
      assert.strictEqual(response(text).takeOver(older), 0)
      let cost = 0
      const form = yield* take(older.forms, older.body, "br", (bytes) => (cost = bytes) > 0)
      const same = response(text)
      assert.strictEqual(same.takeOver(older), cost)
      let isMade = false
      assert.deepStrictEqual(yield* take(same.forms, same.body, "br", () => (isMade = true)), form)
      assert.isFalse(isMade)
      assert.strictEqual(response(Buffer.from("other")).takeOver(older), 0)
      assert.strictEqual(response(text, true).takeOver(older), 0)
    })
  )
})

import { assert, describe, it } from "@effect/vitest"
import { ByteBuffer } from "../src/files/ByteBuffer.ts"

describe("ByteBuffer", () => {
  it("holds what was added, in order, however it grows", () => {
    const buffer = new ByteBuffer()
    const expected: Array<Uint8Array> = []
    for (let round = 0; round < 2000; round++) {
      const text = `${round} é € 😀 ${"x".repeat(round % 97)}`
      assert.strictEqual(buffer.addText(text), Buffer.byteLength(text))
      const bytes = Uint8Array.from({ length: round % 13 }, (_, index) => round + index)
      buffer.addBytes(bytes)
      buffer.addWords(Uint32Array.of(round, 0xfffffffe))
      const words = Buffer.alloc(8)
      words.writeUInt32LE(round)
      words.writeUInt32LE(0xfffffffe, 4)
      expected.push(Buffer.from(text), bytes, words)
    }
    const whole = Buffer.concat(expected)
    assert.strictEqual(buffer.length, whole.length)
    assert.isTrue(whole.equals(buffer.take()))
  })

  it("leaves alone what was taken", () => {
    const buffer = new ByteBuffer()
    buffer.addText("first")
    const taken = buffer.take()
    assert.strictEqual(buffer.length, 0)
    buffer.addText("second")
    assert.strictEqual(Buffer.from(taken).toString(), "first")
    assert.strictEqual(Buffer.from(buffer.take()).toString(), "second")
    assert.lengthOf(buffer.take(), 0)
  })

  it("writes half of a surrogate pair as the replacement character", () => {
    const buffer = new ByteBuffer()
    assert.strictEqual(buffer.addText("a\ud83d"), 4)
    assert.strictEqual(Buffer.from(buffer.take()).toString(), "a\ufffd")
  })
})

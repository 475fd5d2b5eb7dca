import { assert, describe, it } from "vitest"
import { EventParser } from "../src/page/EventParser.ts"

describe("the parser of events", () => {
  const text =
    'retry: 1500\n\n:\n\nevent: snapshot\nid: a-1\ndata: {"x":\ndata: 1}\n\ndata:plain\r\n\r\nid: a-2\n\nevent: unfinished\ndata: no'

  it("reads events whatever the pieces in which they come", () => {
    for (let size = 1; size <= text.length; size += 1) {
      const parser = new EventParser("")
      const events = []
      for (let at = 0; at < text.length; at += size) events.push(...parser.push(text.slice(at, at + size)))
      assert.deepStrictEqual(events, [
        { event: "snapshot", data: '{"x":\n1}' },
        { event: "message", data: "plain" }
      ])
      assert.strictEqual(parser.lastId, "a-2")
      assert.strictEqual(parser.retry, 1500)
    }
  })

  it("keeps the id of before until an event is whole, and takes no id with a NUL nor a retry that is no number", () => {
    const parser = new EventParser("a-7")
    assert.isEmpty(parser.push("id: a-8\nretry: soon\ndata: x\n"))
    assert.strictEqual(parser.lastId, "a-7")
    assert.lengthOf(parser.push("\n"), 1)
    assert.strictEqual(parser.lastId, "a-8")
    parser.push("id: b\0\n\n")
    assert.strictEqual(parser.lastId, "a-8")
    assert.isUndefined(parser.retry)
  })
})

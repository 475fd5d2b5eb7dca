import { assert, describe, it, vi } from "@effect/vitest"
import { makeRng } from "@hb-sessions/simulator/Rng"
import { forEachRecord, KeyTable, makeRecord, setFingerprint, setKey } from "../src/read/KeyTable.ts"

const record = (id: string, text: string) => {
  const made = makeRecord()
  setKey(made, id)
  setFingerprint(made, text)
  return made
}

it("writes keys and fingerprints as every index on a disk has them", () => {
  const words = (id: string, text: string) => [...record(id, text)].map((word) => word.toString(16).padStart(8, "0"))
  assert.strictEqual(
    words("01234567-89ab-4def-8123-456789abcdef", "row").join(" "),
    "01234567 89ab4def 81234567 89abcdef 634768da e1474507"
  )
  assert.strictEqual(words("not a uuid", "").join(" "), "85ef961a ad8c8d6f 79ae1b1e 8d77e3d5 e3b0c442 98fc1c15")
})

describe("a table of keys", () => {
  it("holds each key once, with its last fingerprint, through growth and storage", () => {
    const rng = makeRng("keys")
    const table = new KeyTable()
    const model = new Map<string, string>()
    for (let step = 0; step < 20_000; step++) {
      const serial = rng.below(8000, step, 1)
      const id = serial % 2 === 0 ? rng.uuid(serial, 2) : `not a uuid ${serial}`
      const text = String(rng.below(3, step, 3))
      assert.strictEqual(table.set(record(id, text)), !model.has(id))
      model.set(id, text)
    }
    assert.strictEqual(table.size, model.size)
    const stored = new KeyTable()
    for (const chunk of table.chunks(100)) forEachRecord(chunk, (found) => void stored.set(found))
    assert.strictEqual(stored.size, model.size)
    for (const [id, text] of model) {
      assert.isTrue(stored.hasSame(record(id, text)))
      assert.isFalse(stored.hasSame(record(id, "other")))
    }
    assert.isFalse(stored.has(record("never", "")))
  })

  it("puts keys where a server that makes them cannot foresee it", async () => {
    const orderInAnotherProcess = async () => {
      vi.resetModules()
      const fresh = await import("../src/read/KeyTable.ts")
      const table = new fresh.KeyTable()
      for (let serial = 0; serial < 100; serial++) table.set(record(`not a uuid ${serial}`, ""))
      const order: Array<number> = []
      for (const chunk of table.chunks()) forEachRecord(chunk, ([first = 0]) => void order.push(first))
      return order
    }
    const [some, others] = [await orderInAnotherProcess(), await orderInAnotherProcess()]
    assert.notDeepEqual(some, others)
    assert.sameMembers(some, others)
  })

  it("treats UUIDs in other spellings as other ids", () => {
    const table = new KeyTable()
    table.set(record("aaaaaaaa-0000-4000-8000-000000000000", ""))
    assert.isFalse(table.has(record("AAAAAAAA-0000-4000-8000-000000000000", "")))
  })

  it("tells the nil UUID from its neighbours, and holds it like any other", () => {
    const ids = ["00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001"]
    const table = new KeyTable()
    for (const id of ids) assert.isTrue(table.set(record(id, id)))
    for (const id of ids) assert.isFalse(table.set(record(id, id)))
    const stored = new KeyTable()
    for (const chunk of table.chunks()) forEachRecord(chunk, (found) => void stored.set(found))
    assert.strictEqual(stored.size, 2)
    for (const id of ids) assert.isTrue(stored.hasSame(record(id, id)))
  })
})

import { assert, describe, it } from "@effect/vitest"
import { Digest } from "../src/internal/sweep/Digest.ts"
import { IdTable } from "../src/internal/sweep/IdTable.ts"
import { OrderObserver } from "../src/internal/sweep/ListOrder.ts"
import { unreadPages } from "../src/internal/sweep/unreadPages.ts"
import { SessionId } from "../src/Session.ts"

describe("IdTable", () => {
  const uuid = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"

  it("keeps the first and the last response of each id, in whatever order they are recorded", () => {
    const table = new IdTable()
    for (const id of [uuid, "some other id"]) {
      assert.isTrue(table.record(id, 6, 5))
      assert.isFalse(table.record(id, 4, 1))
      assert.isFalse(table.record(id, 10, 9))
    }
    const seen: Array<readonly [number, number]> = []
    table.forEach((first, last) => seen.push([first, last]))
    assert.deepStrictEqual(seen, [
      [4, 9],
      [4, 9]
    ])
  })

  it("takes no two ids for each other", () => {
    const ids = [
      uuid,
      uuid.toUpperCase(),
      uuid.replaceAll("-", ""),
      `${uuid} `,
      uuid.replace("0a1b2c3d-4e5f", "0a1b2c3d4e5f-"),
      uuid.replace(/.$/, "e"),
      uuid.replace(/.$/, "g"),
      uuid.replace(/.$/, "ē"),
      "00000000-0000-0000-0000-000000000000",
      ""
    ]
    const table = new IdTable()
    for (const id of ids) assert.isTrue(table.record(id, 1, 1), id)
    for (const id of ids) assert.isFalse(table.record(id, 1, 1), id)
    assert.strictEqual(table.size, ids.length)
  })

  it("keeps every id while it grows", () => {
    const table = new IdTable()
    const idAt = (index: number) => `${index.toString(16).padStart(8, "0")}-0000-4000-8000-000000000000`
    for (let index = 0; index < 20_000; index++) assert.isTrue(table.record(idAt(index), index + 1, index + 1))
    for (let index = 0; index < 20_000; index++) assert.isFalse(table.record(idAt(index), index + 1, index + 1))
    let sum = 0
    table.forEach((first) => (sum += first))
    assert.strictEqual(sum, (20_000 * 20_001) / 2)
  })
})

describe("Digest", () => {
  const digestOf = (texts: ReadonlyArray<string>) => {
    const digest = new Digest()
    for (const text of texts) digest.add(text)
    return digest.toString()
  }

  it("tells sequences apart, their order too, and can be continued", () => {
    const sequences = [[], [""], ["a"], ["b"], ["a", "b"], ["b", "a"], ["ab"], ["a", "b", "a"], ["a", "b", ""]]
    assert.strictEqual(new Set(sequences.map(digestOf)).size, sequences.length)
    const rest = new Digest(digestOf(["a", "b"]))
    rest.add("c")
    assert.strictEqual(rest.toString(), digestOf(["a", "b", "c"]))
  })
})

describe("OrderObserver", () => {
  const orderOf = (times: ReadonlyArray<number | undefined>) => {
    const observer = new OrderObserver()
    for (const [index, createdAt] of times.entries()) {
      observer.add({ id: SessionId.make(`${index}`), ...(createdAt === undefined ? {} : { createdAt }) })
    }
    return observer.order
  }

  it("knows an order only from rows that differ", () => {
    assert.strictEqual(orderOf([]), "unknown")
    assert.strictEqual(orderOf([5, undefined, 5]), "unknown")
    assert.strictEqual(orderOf([5, 5, undefined, 4]), "newest-first")
    assert.strictEqual(orderOf([4, 5, 5]), "oldest-first")
    assert.strictEqual(orderOf([4, 5, 4]), "other")
  })
})

describe("unreadPages", () => {
  /** Responses one after another: a page and the total that it told. */
  const responses = (...seen: ReadonlyArray<readonly [page: number, total: number]>) =>
    seen.map(([page, total], index) => ({ page, total, asked: 2 * index + 1, completed: 2 * index + 2 }))

  it("is empty for a list that was read while it was quiet", () => {
    const options = { pageSize: 10, total: 25, surely: true }
    assert.deepStrictEqual(unreadPages(responses([1, 25], [3, 25], [2, 25]), options), [])
  })

  it("finds the page that a row moved to between a late page and an early one", () => {
    // Page 2 was read, then a session appeared, then page 1 was read: the last row of page 1 is now the first of page 2.
    const options = { pageSize: 10, total: 26, surely: false }
    assert.deepStrictEqual(unreadPages(responses([2, 25], [3, 25], [1, 26]), options), [2])
    assert.deepStrictEqual(unreadPages(responses([1, 25], [2, 26], [3, 26]), options), [1])
  })

  it("suspects pages whose total may have been another one", () => {
    const options = { pageSize: 10, total: 26, surely: true }
    assert.deepStrictEqual(unreadPages(responses([1, 26], [3, 25], [2, 26], [1, 26]), options), [2, 3])
  })
})

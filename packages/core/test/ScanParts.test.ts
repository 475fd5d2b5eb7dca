import { assert, describe, it, vi } from "@effect/vitest"
import { Digest } from "../src/internal/scan/Digest.ts"
import { IdTable } from "../src/internal/scan/IdTable.ts"
import { OrderObserver } from "../src/internal/scan/ListOrder.ts"
import { gapsBetween, pagesOf } from "../src/internal/scan/gaps.ts"
import { placeRows } from "../src/internal/scan/placement.ts"
import type { Response } from "../src/internal/scan/Responses.ts"
import { rules } from "../src/internal/scan/Rules.ts"
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
      // Read without care, each of these would have the words of another one.
      uuid.replace("0a1b", "0g1b"),
      uuid.replace("0a1b", "101b"),
      uuid.replace("0a1b", "1İ1b"),
      ...[8, 13, 18, 23].map((at) => `${uuid.slice(0, at)}0${uuid.slice(at + 1)}`),
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

  it("has room for as many ids as were announced, whatever it holds, and not for as many as a list may claim", () => {
    const table = new IdTable()
    const idAt = (index: number) => `0000${index.toString(16).padStart(4, "0")}-1000-4000-8000-000000000000`
    for (let index = 0; index < 400; index++) table.record(idAt(index), index + 1, index + 1)
    table.reserve(40_000)
    const { bytes } = table
    for (let index = 0; index < 40_000; index++) {
      assert.strictEqual(table.record(idAt(index), index + 1, index + 1), index >= 400)
    }
    // A part of it that happens to get more than its share grows by half.
    assert.isAtMost(table.bytes, bytes * 1.02)
    assert.isAtMost(bytes / table.size, 32)
    for (let index = 0; index < 40_000; index++) assert.strictEqual(table.firstOf(idAt(index)), index + 1)
    const before = table.bytes
    table.reserve(1)
    assert.strictEqual(table.bytes, before)
    table.reserve(Number.MAX_SAFE_INTEGER)
    assert.isAtMost(table.bytes, 128_000_000)
  })

  it("puts ids where a server that makes them cannot foresee it", async () => {
    const orderInAnotherProcess = async () => {
      vi.resetModules()
      const fresh = await import("../src/internal/scan/IdTable.ts")
      const table = new fresh.IdTable()
      const order: Array<number> = []
      for (let index = 1; index <= 100; index++) table.record(uuid.replace(/.{3}$/, String(index + 100)), index, index)
      table.forEach((first) => order.push(first))
      return order
    }
    const [some, others] = [await orderInAnotherProcess(), await orderInAnotherProcess()]
    assert.notDeepEqual(some, others)
    assert.sameMembers(some, others)
  })
})

describe("Digest", () => {
  const digestOf = (texts: ReadonlyArray<string>) => {
    const digest = new Digest()
    for (const text of texts) digest.add(text)
    return digest.toString()
  }

  it("is the one that tokens of before hold", () => {
    assert.strictEqual(digestOf([]), "243f6a8885a308d313198a2e03707344")
    assert.strictEqual(digestOf(["9484cdea-ab9e-4ff5-8b8a-d4b5b1e5a8a1", "é😀"]), "75d4c1674d929812abdb7e562f219962")
  })

  it("does not change with what comes after a snapshot", () => {
    const digest = new Digest()
    digest.add("a")
    const snapshot = digest.snapshot()
    digest.add("b")
    assert.strictEqual(snapshot(), digestOf(["a"]))
  })

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

describe("pages of gaps", () => {
  type Seen = readonly [page: number, total: number, repeated?: number]

  /** Responses one after another: a page, the total that it told, and the rows of earlier pages that it repeated. */
  const inTurn = (...seen: ReadonlyArray<Seen>) =>
    seen.map(([page, total, repeated], index) => ({
      page,
      total,
      repeated,
      asked: 2 * index + 1,
      completed: 2 * index + 2
    }))

  /** Responses all asked for before the first was complete. */
  const atOnce = (...seen: ReadonlyArray<Seen>) =>
    seen.map(([page, total, repeated], index) => ({
      page,
      total,
      repeated,
      asked: index + 1,
      completed: seen.length + index + 1
    }))

  const find = (responses: ReadonlyArray<Response>, { pageSize, total }: { pageSize: number; total: number }) => {
    const taken = responses.map((response) => ({ ...response, isTaken: true }))
    const placed = placeRows(taken, { pageSize, start: 0, low: taken[0]?.total ?? 0, high: total, rules })
    return pagesOf(gapsBetween(placed, { pageSize, from: 0, to: taken[0]?.total ?? 0 }), {
      pageSize,
      total,
      farthest: 100
    })
  }

  it("is empty for a list that was read while it was quiet", () => {
    const options = { pageSize: 10, total: 25 }
    assert.deepStrictEqual(find(inTurn([1, 25, 0], [3, 25, 0], [2, 25, 0]), options), [])
  })

  it("finds the page that a row moved to between a late page and an early one", () => {
    // Page 2 was read, then a session appeared, then page 1 was read: the last row of page 1 is now the first of page 2.
    const options = { pageSize: 10, total: 26 }
    assert.deepStrictEqual(find(inTurn([2, 25, 0], [3, 25, 0], [1, 26, 0]), options), [2])
  })

  it("takes no page without a row of its own for one that the list did not grow before", () => {
    // The last row of page 2 moved to page 3 after that was read; page 4, which was read last, has no row to repeat.
    const seen = inTurn([1, 25, 0], [3, 25, 0], [2, 26, 1], [4, 26, 0])
    const pages = seen.map((response) => ({ ...response, isAllRepeated: response.page === 4 }))
    assert.deepStrictEqual(find(pages, { pageSize: 10, total: 26 }), [3])
  })

  it("looks no further where a page has been read again", () => {
    const options = { pageSize: 10, total: 26 }
    assert.deepStrictEqual(find(inTurn([2, 25, 0], [3, 25, 0], [1, 26, 0], [2, 26]), options), [])
  })

  it("suspects no page where repeated rows account for what the list grew by", () => {
    const options = { pageSize: 10, total: 46 }
    const before: Seen = [1, 45, 0]
    assert.deepStrictEqual(find(inTurn(before, [2, 45, 0], [3, 46, 1], [4, 46, 0], [5, 46, 0]), options), [])
  })

  it("suspects the pages in flight with a change, those first whose totals tell of a gap", () => {
    const options = { pageSize: 10, total: 56 }
    const [head] = inTurn([1, 55, 0])
    // A session appeared while pages 2 to 5 were read: 3 repeats a row, so it was there by then, but for 4 or 5.
    const pass = atOnce([2, 55, 0], [3, 56, 1], [4, 56, 0], [5, 55, 0], [6, 56, 1])
    const late = pass.map((response) => ({ ...response, asked: response.asked + 2, completed: response.completed + 2 }))
    assert.deepStrictEqual(find([head!, ...late], options), [5, 4])
  })
})

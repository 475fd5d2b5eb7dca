/**
 * Places among tokens.
 */
import { assert, describe, it } from "@effect/vitest"
import { FairPlaces, type FairPlacesOptions, type Occupant } from "../src/access/FairPlaces.ts"

const NOW = 100_000

const setup = (options: FairPlacesOptions) => {
  const places = new FairPlaces(options)
  const gone: Array<string> = []
  const take = (owner: string, name = owner, blockedSince?: number, account?: string) => {
    const occupant: Occupant = { giveWay: () => gone.push(name), blockedSince }
    return places.take(owner, occupant, NOW, account)
  }
  return { places, gone, take }
}

describe("FairPlaces", () => {
  it("let one token take all, and its newest give way until the shares are the same", () => {
    const { gone, places, take } = setup({ max: 6, extra: 0, yields: "all" })
    for (let index = 1; index <= 6; index++) assert.isDefined(take("a", `a${index}`))
    assert.isUndefined(take("a"))
    for (let index = 1; index <= 3; index++) assert.isDefined(take("b", `b${index}`))
    assert.isUndefined(take("b"))
    assert.deepStrictEqual(gone, ["a6", "a5", "a4"])
    assert.isDefined(take("c"))
    assert.strictEqual(places.size, 6)
  })

  it("are left once", () => {
    const { places, take } = setup({ max: 2, extra: 0, yields: "all" })
    const first = take("a")
    take("a", "newest")
    take("b")
    assert.strictEqual(places.size, 2)
    first?.leave()
    first?.leave()
    assert.strictEqual(places.size, 1)
  })

  it("of those who do not read go to others after a second, and to anybody after five", () => {
    const { gone, take } = setup({ max: 3, extra: 0, yields: "blocked" })
    take("a", "reads")
    take("a", "blocked for 2 s", NOW - 2000)
    take("a", "blocked for 1 s", NOW - 1000)
    assert.isUndefined(take("a"))
    assert.isDefined(take("b", "b"))
    assert.deepStrictEqual(gone, ["blocked for 2 s"])
    assert.isUndefined(take("b"))
    const unread = setup({ max: 1, extra: 0, yields: "blocked" })
    unread.take("a", "unread", NOW - 5000)
    assert.isDefined(unread.take("a"))
    assert.deepStrictEqual(unread.gone, ["unread"])
  })

  it("go to an account with fewer before they go to one with many tokens", () => {
    const { gone, take } = setup({ max: 4, extra: 0, yields: "all" })
    for (const owner of ["a1", "a2", "a3", "a4"]) take(owner, owner, undefined, "a")
    assert.isDefined(take("b1", "b1", undefined, "b"))
    assert.isDefined(take("b2", "b2", undefined, "b"))
    assert.lengthOf(gone, 2)
    assert.isUndefined(take("b3", "b3", undefined, "b"), "its half is taken")
    assert.isUndefined(take("a5", "a5", undefined, "a"))
    const reading = setup({ max: 2, extra: 1, yields: "blocked" })
    for (const owner of ["a1", "a2", "a3"]) assert.isDefined(reading.take(owner, owner, undefined, "a"))
    assert.isUndefined(reading.take("a4", "a4", undefined, "a"))
    assert.isDefined(reading.take("b1", "b1", undefined, "b"), "an account without any")
    assert.isUndefined(reading.take("c1", "c1", undefined, "c"))
    assert.deepStrictEqual(reading.gone, [])
  })

  it("are kept in reserve for tokens that have none", () => {
    const { gone, take } = setup({ max: 2, extra: 1, yields: "blocked" })
    take("a")
    take("a")
    assert.isUndefined(take("a"))
    assert.isDefined(take("b"))
    assert.isUndefined(take("b"))
    assert.isUndefined(take("c"))
    assert.deepStrictEqual(gone, [])
  })

  it("are kept in reserve for tokens with fewer than their share, but not all of them", () => {
    const { gone, take } = setup({ max: 4, extra: 4, yields: "blocked" })
    for (let turn = 0; turn < 4; turn++) take("a")
    assert.isDefined(take("b"))
    assert.isDefined(take("b"))
    assert.isUndefined(take("b"), "its share is two")
    assert.isUndefined(take("a"))
    assert.isDefined(take("c"))
    assert.isUndefined(take("c"))
    assert.isDefined(take("d"))
    assert.isUndefined(take("e"))
    assert.deepStrictEqual(gone, [])
  })
})

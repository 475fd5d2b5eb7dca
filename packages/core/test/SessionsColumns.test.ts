import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema, Stream } from "effect"
import * as ColumnChooser from "../src/ColumnChooser.ts"
import { joinPath, splitList, splitPath } from "../src/internal/columnPath.ts"
import { Session } from "../src/Session.ts"
import * as SessionsColumns from "../src/SessionsColumns.ts"

const session = Schema.decodeUnknownSync(Session)

const chosen = (list: ReadonlyArray<string>, ...sessions: ReadonlyArray<unknown>) => {
  const chooser = new ColumnChooser.ColumnChooser(list)
  chooser.look(sessions.map((more) => session({ id: "a", ...Object(more) })))
  return { extras: chooser.columns.filter((name) => !SessionsColumns.isContractColumn(name)), chooser }
}

const Key = Schema.Array(Schema.Literals(["a", "\\", ".", ",", "*", " ", "\n", "é"])).pipe(
  Schema.check(Schema.isMaxLength(6))
)

describe("paths", () => {
  it.effect.prop("have names that are read back, alone and in a list", [Schema.NonEmptyArray(Key)], ([keys]) =>
    Effect.sync(() => {
      const path = keys.map((key) => key.join(""))
      const name = joinPath(path)
      assert.deepStrictEqual(splitPath(name), path)
      if (name !== "\\") assert.deepStrictEqual(splitList(` id , ${name} ,status`), ["id", name, "status"])
    })
  )

  it.each([
    ["id,id"],
    ["a.b,a\\.b,a\\.b"],
    ["\\a,a"],
    ["*,*"],
    ["wsEndpoint"],
    ["creditBreakdown.apiKey"],
    ["launchState.proxyServerPassword.length"],
    ["ws\\Endpoint"],
    [" , "]
  ])("rejects %j", (text) => {
    assert.isTrue(Result.isFailure(SessionsColumns.parseColumns(text)))
  })
})

describe("reader", () => {
  it("reads what a session has itself, and nothing that it inherits", () => {
    const one = session({ id: "a", tags: ["x"], text: "abc", __proto__: { own: 1 }, "a.b": 2, a: { b: 3 } })
    const read = (name: string) => SessionsColumns.reader(name)(one)
    assert.deepStrictEqual(
      ["constructor", "__proto__.hasOwnProperty", "tags.length", "tags.0", "text.0", "text.length", "a.b", "a\\.b"].map(
        read
      ),
      [undefined, undefined, undefined, "x", undefined, undefined, 3, 2]
    )
  })
})

describe("ColumnChooser", () => {
  it("has a column for each value, and none for the objects around them", () => {
    const { extras } = chosen(
      ["*"],
      { b: 1, geo: null, launchState: {}, deep: { x: [1], y: {}, z: null } },
      { geo: { city: "x" }, launchState: null, "*": 1, "": 2 }
    )
    assert.deepStrictEqual(extras, ["\\", "\\*", "b", "deep.x", "deep.y", "deep.z", "geo.city"])
  })

  it("never has a secret, however deep", () => {
    const { extras } = chosen(["*"], { token: "x", a: { wsEndpoint: "x", b: { session_token: "x", c: 1 } } })
    assert.deepStrictEqual(extras, ["a.b.c"])
  })

  it("has no column twice, and none below one that is named", () => {
    const { chooser, extras } = chosen(["a", "id", "*"], { a: { b: 1 }, c: 2 })
    assert.deepStrictEqual(extras, ["a", "a.b", "c"])
    assert.deepStrictEqual(new Set(chooser.columns).size, chooser.columns.length)
    chooser.look([session({ id: "b", a: { more: 1 }, d: 2, e: null })])
    assert.deepStrictEqual(chooser.report.leftOut, ["d"])
  })

  it("tells the named columns that no session had, unless there was none", () => {
    const { chooser } = chosen(["id", "stauts", "duration", "gone"], { duration: 0, gone: null })
    assert.deepStrictEqual(chooser.report.empty, ["stauts", "gone"])
    assert.strictEqual(SessionsColumns.suggestionFor("stauts"), "status")
    assert.strictEqual(SessionsColumns.suggestionFor("useProxy"), "launchState.useProxy")
    assert.strictEqual(SessionsColumns.suggestionFor("sessionURL"), "sessionUrl")
    assert.strictEqual(SessionsColumns.suggestionFor("duration"), undefined)
    assert.deepStrictEqual(chosen(["id", "stauts"]).chooser.report.empty, [])
  })

  it("is bounded in columns, names, sessions and memory", () => {
    const ids = (from: number, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${from + index}`, 1]))
    const { chooser, extras } = chosen(["*"], ids(0, 20_000))
    assert.lengthOf(extras, 500)
    assert.lengthOf(chooser.report.leftOut, 100)
    const large = new ColumnChooser.ColumnChooser(["*"])
    for (let count = 0; !large.isDecided; count++) {
      assert.isBelow(count, 10)
      large.look([session({ id: "a", text: "x".repeat(1_000_000) })])
    }
  })

  it.effect("holds elements until the columns are decided, and none when they are named", () =>
    Effect.gen(function* () {
      const pages = Array.from({ length: 7 }).map((_item, page) =>
        Array.from({ length: 300 }, (_, index) => session({ id: `${page}-${index}` }))
      )
      const sizes = (list: ReadonlyArray<string>, count: number) =>
        Stream.fromIterable(pages.slice(0, count)).pipe(
          ColumnChooser.held(new ColumnChooser.ColumnChooser(list), (page) => page),
          Stream.map((group) => group.length),
          Stream.runCollect
        )
      assert.deepStrictEqual(yield* sizes(["*"], 7), [4, 1, 1, 1])
      assert.deepStrictEqual(yield* sizes(["*"], 2), [2])
      assert.deepStrictEqual(yield* sizes(["id"], 2), [1, 1])
      assert.deepStrictEqual(yield* sizes(["*"], 0), [])
    })
  )
})

import { assert, describe, it } from "vitest"
import { ActiveSessions } from "../src/page/ActiveSessions.ts"

const of = (...ids: ReadonlyArray<string>) => ids.map((id) => ({ id, status: "active" }))
const idsOf = (sessions: Iterable<{ readonly id: string }>) => Array.from(sessions, ({ id }) => id)
const after = (...events: ReadonlyArray<readonly [event: string, data: unknown]>) => {
  const active = new ActiveSessions()
  const last = events.map(([event, data]) => active.take({ event, data: JSON.stringify(data) })).at(-1)
  return {
    text: active.text,
    ...(last === undefined
      ? {}
      : { active: [...last.active.keys()], changed: idsOf(last.changed), gone: last.gone, isWhole: last.isWhole })
  }
}

describe("active sessions", () => {
  const snapshot = ["snapshot", { whole: true, sessions: of("a", "b", "__proto__") }] as const

  it("are those of the last snapshot and of what changed since", () => {
    assert.deepStrictEqual(after(snapshot), {
      text: "Live: 3 active.",
      active: ["a", "b", "__proto__"],
      changed: ["a", "b", "__proto__"],
      gone: [],
      isWhole: true
    })
    const change = ["change", { whole: true, added: of("c"), changed: of("b"), removed: ["a", 7, null] }] as const
    assert.deepStrictEqual(after(snapshot, change), {
      text: "Live: 3 active.",
      active: ["b", "__proto__", "c"],
      changed: ["c", "b"],
      gone: ["a"],
      isWhole: true
    })
    assert.deepStrictEqual(after(snapshot, change, ["snapshot", { whole: true, sessions: of("b") }]), {
      text: "Live: 1 active.",
      active: ["b"],
      changed: ["b"],
      gone: ["__proto__", "c"],
      isWhole: true
    })
  })

  it("have not ended where they only leave a list of more than are followed", () => {
    const cut = ["snapshot", { whole: false, sessions: of("a", "b") }] as const
    const change = ["change", { whole: false, added: of("c"), changed: [], removed: ["b"] }] as const
    assert.deepStrictEqual(after(cut, change), {
      text: "Live: 2 active; there are more.",
      active: ["a", "c"],
      changed: ["c"],
      gone: [],
      isWhole: false
    })
    assert.deepStrictEqual(after(cut, ["snapshot", { whole: false, sessions: of("c") }]).gone, [])
  })

  it("stay as they are whatever else comes", () => {
    for (const strange of [
      ["other", {}],
      ["message", null]
    ] as const)
      assert.deepStrictEqual(after(snapshot, strange), { text: "Live: 3 active." })
    const empty = after(snapshot, ["change", null])
    assert.deepStrictEqual(empty.active, ["a", "b", "__proto__"])
    assert.deepStrictEqual(
      after(snapshot, ["change", { added: 1, changed: [1, null], removed: {} }]).active,
      empty.active
    )
  })
})

import type { Session } from "@hb-sessions/core/Session"
import { encodeSession } from "@hb-sessions/core/SessionsNdjson"
import { assert, describe, it } from "vitest"
import { sessionsOf } from "../src/page/api.ts"
import { parseExactly } from "../src/page/parseExactly.ts"
import { ENDED, Visit } from "../src/page/Visit.ts"

const texts = [
  '{"id":"a","status":"active","big":12345678901234567890,"__proto__":{"x":1}}',
  '{"id":"__proto__","status":"active"}'
]
const sessions = sessionsOf(texts)
const activeOf = (list: ReadonlyArray<Session>) => new Map(list.map((session) => [session.id, session]))
const shownBy = (visit: Visit) => [...visit.rows.values()].map(({ session }) => encodeSession(session))

describe("a visit", () => {
  it("says that a session has ended, with all digits and keys that it had", () => {
    const visit = new Visit("token", undefined)
    visit.follow({ active: activeOf(sessions), changed: sessions, isWhole: true, gone: [] })
    assert.strictEqual(visit.followed?.active.size, 2)
    assert.deepStrictEqual(shownBy(visit), texts)
    visit.follow({ active: new Map(), changed: [], isWhole: true, gone: ["a", "__proto__", "never seen"] })
    assert.strictEqual(visit.followed?.active.size, 0)
    assert.deepStrictEqual(
      shownBy(visit),
      texts.map((text) => text.replace('"active"', `"${ENDED}"`))
    )
  })

  it("says so too of one that a slow list still calls active, unless it is active again or known to be closed", () => {
    const visit = new Visit("token", undefined)
    const statuses = () => [...visit.rows.values()].map(({ session }) => session.status)
    visit.follow({ active: new Map(), changed: [], isWhole: true, gone: ["a"] })
    visit.list(sessions)
    assert.deepStrictEqual(statuses(), [ENDED, "active"])
    visit.list(sessionsOf(['{"id":"a","status":"closed"}']))
    assert.deepStrictEqual(statuses(), ["closed", "active"])
    visit.follow({ active: activeOf(sessions), changed: sessions, isWhole: true, gone: [] })
    visit.list(sessions)
    assert.deepStrictEqual(statuses(), ["active", "active"])
  })

  it("takes back what was shown before only if the list cannot be read", () => {
    const before = new Visit("token", undefined)
    before.list(sessions)
    for (const [isRead, ids] of [
      [true, ["b"]],
      [false, ["b", "a", "__proto__"]]
    ] as const) {
      const visit = new Visit("token", before)
      visit.list(sessionsOf(['{"id":"b"}']))
      visit.finish(isRead)
      assert.deepStrictEqual([...visit.rows.keys()], [...ids])
    }
  })

  it("aborts what it began when it ends", () => {
    const visit = new Visit("token", undefined)
    assert.isFalse(visit.signal.aborted)
    visit.end()
    assert.isTrue(visit.signal.aborted)
  })
})

describe("numbers of events", () => {
  it("keep all their digits when they are written again", () => {
    const text = '{"list":[12345678901234567890,1.10,-0,1e400,"1",null],"__proto__":0.1}'
    assert.strictEqual(JSON.stringify(parseExactly(text)), text)
  })
})

import { assert, describe, it } from "@effect/vitest"
import { hasEnded, hasEndedWell, type Session } from "../src/Session.ts"

describe("a session", () => {
  type Part = Pick<Session, "endTime" | "status">
  it.each<[Part, boolean, boolean]>([
    [{ status: "active" }, false, false],
    [{ status: "active", endTime: null }, false, false],
    [{}, false, false],
    [{ status: "active", endTime: 5 }, true, false],
    [{ endTime: 5 }, true, false],
    [{ status: "closed", endTime: null }, true, true],
    [{ status: "error" }, true, false],
    [{ status: "close-error", endTime: null }, true, false],
    [{ status: "timed-out", endTime: 5 }, true, false],
    [{ status: "timed-out" }, true, false]
  ])("%j has ended: %s, and well: %s", (session, ended, well) => {
    assert.strictEqual(hasEnded(session), ended)
    assert.strictEqual(hasEndedWell(session), well)
  })
})

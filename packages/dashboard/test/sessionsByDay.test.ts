import { SessionId } from "@hb-sessions/core/Session"
import { assert, describe, it } from "vitest"
import { sessionsByDay } from "../src/page/sessionsByDay.ts"

const now = new Date(2026, 2, 31, 12).getTime()
const session = (createdAt: number, creditsUsed?: number) => ({
  id: SessionId.make("some"),
  createdAt,
  ...(creditsUsed === undefined ? {} : { creditsUsed })
})
const on = (day: number, hour = 12) => new Date(2026, 2, day, hour).getTime()
const namesOf = (moments: ReadonlyArray<number>, clock = now) => {
  const { days, note } = sessionsByDay(
    moments.map((moment) => session(moment)),
    clock
  )
  return { first: days[0]?.day, last: days.at(-1)?.day, length: days.length, note }
}

describe("sessions by day", () => {
  it("have every day from the first to the last, of the reader's zone, and its credits", () => {
    assert.deepStrictEqual(
      sessionsByDay([session(on(3, 23), 2), session(on(1, 0), 0.5), session(on(1, 23))], now).days,
      [
        { day: "2026-03-01", sessions: 2, credits: 0.5 },
        { day: "2026-03-02", sessions: 0, credits: 0 },
        { day: "2026-03-03", sessions: 1, credits: 2 }
      ]
    )
  })

  it("are those of the last 60 days that have any, whatever else is sent", () => {
    const far = [Date.UTC(9999, 11, 31, 23), 8.64e15, 1e300, Number.NaN, -1e300]
    assert.deepStrictEqual(namesOf([on(1), on(2), ...far]), {
      first: "2026-03-01",
      last: "2026-03-02",
      length: 2,
      note: "2026-03-01 to 2026-03-02, in your time zone; later days are left out."
    })
    assert.deepStrictEqual(namesOf([on(30), -8e15, new Date(0).setUTCFullYear(50), on(0), on(30), ...far]), {
      first: "2026-01-30",
      last: "2026-03-30",
      length: 60,
      note: "2026-01-30 to 2026-03-30, in your time zone; earlier and later days are left out."
    })
  })

  it("reach to tomorrow, and further if the clock is so wrong that nothing is before it", () => {
    assert.strictEqual(namesOf([on(31), on(32), on(33)]).last, "2026-04-01")
    assert.deepStrictEqual(namesOf([on(1), on(2)], 0), {
      first: "2026-03-01",
      last: "2026-03-02",
      length: 2,
      note: "2026-03-01 to 2026-03-02, in your time zone."
    })
  })

  it("are none where no session has a time", () => {
    assert.deepStrictEqual(namesOf([Number.NaN, 1e300]), {
      first: undefined,
      last: undefined,
      length: 0,
      note: "No session has a time."
    })
  })
})

import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { Session } from "../src/Session.ts"
import * as SessionsStats from "../src/SessionsStats.ts"

const AnySession = Schema.toType(Session)

const session = (rest: Partial<Session>): Session => ({
  id: Schema.decodeSync(Session.schema.fields.id)("s1"),
  ...rest
})

const ended = (duration: number): Session =>
  session({ startTime: 1_750_000_000_000, endTime: 1_750_000_000_000 + duration })

const summary = (...pages: ReadonlyArray<ReadonlyArray<Session>>) =>
  SessionsStats.result(pages.reduce(SessionsStats.add, SessionsStats.empty))

const team = Schema.decodeSync(Session.schema.fields.teamId.schema)("team-1")

describe("SessionsStats", () => {
  it("counts, adds up and groups", () => {
    const createdAt = Date.UTC(2025, 5, 15, 23, 59, 59, 999)
    const sessions = [
      session({ status: "active", teamId: team, createdAt, startTime: createdAt + 1, creditsUsed: null }),
      session({
        status: "closed",
        teamId: team,
        createdAt,
        startTime: createdAt,
        endTime: createdAt + 1000,
        creditsUsed: 0.1,
        launchState: { useProxy: true, adblock: false, profile: { id: "p" }, staticIpId: "", solverType: "visual" }
      }),
      session({
        status: "close-error",
        createdAt: createdAt + 1,
        endTime: createdAt,
        creditsUsed: 0.2,
        launchState: { useProxy: true, allowInternetAccess: true, screen: { width: 800 } }
      }),
      session({ startTime: createdAt, endTime: createdAt - 1, launchState: null })
    ]
    assert.deepStrictEqual(summary(sessions), {
      sessions: 4,
      activeNow: 1,
      credits: 0.3,
      byStatus: { active: 1, "close-error": 1, closed: 1, unknown: 1 },
      byDay: { "2025-06-15": { sessions: 3, credits: 0.1 }, "2025-06-16": { sessions: 1, credits: 0.2 } },
      byTeam: { "team-1": { sessions: 2, credits: 0.1 }, unknown: { sessions: 2, credits: 0.2 } },
      launchFeatures: { allowInternetAccess: 1, profile: 1, solverType: 1, useProxy: 2 },
      durations: { sessions: 1, mean: 1000, min: 1000, p50: 1000, p90: 1000, p95: 1000, p99: 1000, max: 1000 }
    })
  })

  it("is empty without sessions", () => {
    assert.deepStrictEqual(summary(), {
      sessions: 0,
      activeNow: 0,
      credits: 0,
      byStatus: {},
      byDay: {},
      byTeam: {},
      launchFeatures: {}
    })
  })

  it("groups sessions without a time under unknown", () => {
    assert.deepStrictEqual(summary([session({ creditsUsed: 1 })]).byDay, { unknown: { sessions: 1, credits: 1 } })
  })

  it("does not change what it is given", () => {
    const before = SessionsStats.add(SessionsStats.empty, [ended(1)])
    const read = JSON.stringify(SessionsStats.result(before))
    SessionsStats.merge(before, SessionsStats.add(before, [ended(2), session({ status: "closed" })]))
    assert.strictEqual(JSON.stringify(SessionsStats.result(before)), read)
    assert.strictEqual(summary().sessions, 0)
  })

  it.effect.prop(
    "does not depend on how the sessions are cut into pages",
    [Schema.Array(AnySession), Schema.Array(AnySession)],
    ([left, right]) =>
      Effect.gen(function* () {
        // Sums of what is larger are rounded, and how depends on the order.
        const small = (value: number) => Math.round(value) % 1e12
        const exact = (all: ReadonlyArray<Session>) =>
          all.map((one) => ({
            ...one,
            ...(typeof one.creditsUsed === "number" ? { creditsUsed: small(one.creditsUsed) } : {}),
            ...(typeof one.startTime === "number" ? { startTime: small(one.startTime) } : {}),
            ...(typeof one.endTime === "number" ? { endTime: small(one.endTime) } : {})
          }))
        const [first, second] = [exact(left), exact(right)]
        const whole = summary([...first, ...second])
        assert.deepStrictEqual(summary(first, second), whole)
        const apart = [first, second].map((page) => SessionsStats.add(SessionsStats.empty, page))
        assert.deepStrictEqual(SessionsStats.result(apart.reduce(SessionsStats.merge)), whole)
        assert.deepStrictEqual(SessionsStats.result(apart.toReversed().reduce(SessionsStats.merge)), whole)
        assert.deepStrictEqual(yield* SessionsStats.summarize(Stream.fromArrays(first, second)), whole)
      })
  )

  it.effect.prop(
    "knows percentiles within 1 %, rounded",
    [
      Schema.NonEmptyArray(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e12 }))),
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 }))
    ],
    ([some, spread]) =>
      Effect.sync(() => {
        const values = some.flatMap((value) =>
          Array.from({ length: spread }, (_, index) => Math.floor(value / 2 ** index))
        )
        const { durations } = summary(values.map(ended))
        const sorted = values.toSorted((left, right) => left - right)
        for (const [key, share] of [
          ["p50", 0.5],
          ["p90", 0.9],
          ["p95", 0.95],
          ["p99", 0.99]
        ] as const) {
          const exact = sorted[Math.floor(share * (sorted.length - 1))] ?? 0
          assert.isAtMost(
            Math.abs((durations?.[key] ?? Number.NaN) - exact),
            exact * 0.01 + 0.5 + 1e-6,
            `${key} of ${exact}`
          )
        }
        assert.deepStrictEqual([durations?.min, durations?.max], [sorted[0], sorted.at(-1)])
      })
  )

  it.effect.prop("has a summary that survives JSON", [Schema.Array(AnySession)], ([sessions]) =>
    Effect.gen(function* () {
      const value = summary(sessions.map((one) => ({ ...one, creditsUsed: (one.creditsUsed ?? 0) % 1e6 })))
      const text = JSON.stringify(yield* Schema.encodeEffect(SessionsStats.SessionsSummary)(value))
      assert.deepStrictEqual(yield* Schema.decodeUnknownEffect(SessionsStats.SessionsSummary)(JSON.parse(text)), value)
    })
  )
})

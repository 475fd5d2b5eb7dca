import { assert, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { Session } from "../src/Session.ts"
import { IdMatches } from "../src/internal/IdMatches.ts"
import { nearest } from "../src/nearest.ts"
import * as Sessions from "../src/Sessions.ts"
import * as SessionsById from "../src/SessionsById.ts"
import { SessionsClient } from "../src/SessionsClient.ts"

const list = Array.from({ length: 60 }, (_, index) =>
  Schema.decodeUnknownSync(Session)({
    id: `${(index % 7).toString().repeat(4)}-${index}`,
    status: ["active", "closed", "error"][index % 3],
    createdAt: new Date(1_760_000_000_000 - index * 1000).toISOString()
  })
)
const ids = (sessions: ReadonlyArray<{ readonly id: string }>) => sessions.map(({ id }) => id)
const withList = Effect.provide(SessionsClient.layerMemory(list))

it.effect("finds sessions from both ends of the list in the order that was asked for, each once", () =>
  Effect.gen(function* () {
    const [first, , third] = [list[0], list[1], list[59]]
    const wanted = ids([third, first, third].flatMap((session) => session ?? []))
    for (const concurrency of [1, 2, 8]) {
      const found = yield* SessionsById.find(wanted, { concurrency })
      assert.deepStrictEqual(ids(found.sessions), wanted.slice(0, 2))
      assert.deepStrictEqual([found.missing, found.ambiguous], [[], []])
    }
  }).pipe(withList)
)

it.effect("reports what is missing with the proof of the list, and what is ambiguous with the ids", () =>
  Effect.gen(function* () {
    const common = list[0]?.id.slice(0, SessionsById.leastPrefix) ?? ""
    const alike = ids(list).filter((id) => id.startsWith(common))
    const found = yield* SessionsById.find(["no such session", common])
    assert.deepStrictEqual(ids(found.sessions), alike.length === 1 ? alike : [])
    assert.deepStrictEqual(found.ambiguous, alike.length === 1 ? [] : [{ given: common, ids: alike }])
    assert.include(found.missing, "no such session")
    assert.strictEqual(Option.getOrThrow(found.report).completeness.status, "proven")
  }).pipe(withList)
)

it.effect("one page has only the rows that match", () =>
  Effect.gen(function* () {
    const whole = yield* Sessions.page(2)
    assert.deepStrictEqual(ids(whole.sessions), ids(list.slice(whole.pageSize ?? 10, 2 * (whole.pageSize ?? 10))))
    const statuses = ["active", "error"]
    const some = yield* Sessions.page(2, { status: statuses })
    assert.deepStrictEqual(
      ids(some.sessions),
      ids(whole.sessions.filter(({ status }) => statuses.includes(status ?? "")))
    )
    const none = yield* Sessions.page(1, { until: "2000-01-01T00:00:00Z" })
    assert.deepStrictEqual(none.sessions, [])
  }).pipe(withList)
)

it("the nearest name is within two edits or a third of the text, in any case", () => {
  assert.strictEqual(nearest("BASEURL", ["base_url", "tz"]), "base_url")
  assert.strictEqual(nearest("screen.widht", ["launchState.screen.width"]), "launchState.screen.width")
  assert.isUndefined(nearest("colour", ["base_url", "tz"]))
})

// Takes minutes where each session is compared with each id.
it("matches very many ids and beginnings with very many sessions", () => {
  const many = Array.from({ length: 100_000 }, (_, index) => ({ id: `id-${String(index).padStart(6, "0")}` }))
  const matches = new IdMatches([
    ...ids(many).slice(0, 50_000),
    ...ids(many.slice(50_000)).map((id) => id.slice(0, -1))
  ])
  matches.take(Array.from(many, (session) => Schema.decodeUnknownSync(Session)(session)))
  assert.deepStrictEqual([matches.found.length, matches.missing.length], [50_000, 5000])
  assert.deepStrictEqual(matches.ambiguous.length, 5000)
  assert.deepStrictEqual(matches.ambiguous[0]?.ids, ids(many.slice(50_000, 50_010)))
})

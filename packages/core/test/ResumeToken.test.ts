import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { type Session, SessionId } from "../src/Session.ts"
import * as Sessions from "../src/Sessions.ts"
import { SessionsClient } from "../src/SessionsClient.ts"

const list: ReadonlyArray<Session> = Array.from({ length: 65 }, (_, index) => ({
  id: SessionId.make(`s${index}`),
  createdAt: 1_000_000 - index
}))

const read = (sessions: ReadonlyArray<Session>, options: Sessions.ReadOptions = {}) =>
  Stream.runCollect(Sessions.pages(options)).pipe(Effect.provide(SessionsClient.layerMemory(sessions)))

const idsOf = (chunks: ReadonlyArray<Sessions.SessionsChunk>) =>
  chunks.flatMap(({ sessions }) => sessions.map(({ id }): string => id))

const tokenAfter = Effect.fnUntraced(function* (page: number, options: Sessions.ReadOptions = {}) {
  const chunks = yield* read(list, options)
  return chunks[page - 1]?.resumeToken ?? ""
})

const refusal = (from: string, options: Sessions.ReadOptions = {}) =>
  Effect.map(Effect.flip(read(list, { ...options, from })), ({ message, reason }) => {
    assert.strictEqual(reason._tag, "InvalidResumeToken")
    return message
  })

for (const consistency of ["verified", "fast"] as const) {
  it.effect(`goes on after any page of a quiet list (${consistency})`, () =>
    Effect.gen(function* () {
      const chunks = yield* read(list, { consistency })
      for (const [index, { resumeToken }] of chunks.entries()) {
        assert.match(resumeToken, /^[\w.-]+$/)
        const rest = yield* read(list, { consistency, from: resumeToken })
        assert.deepStrictEqual(
          [...idsOf(chunks.slice(0, index + 1)), ...idsOf(rest)],
          list.map(({ id }) => id)
        )
      }
    })
  )
}

it.effect("new sessions are emitted, and the old ones are not, when the list has only grown", () =>
  Effect.gen(function* () {
    const from = yield* tokenAfter(3)
    const newest = Array.from({ length: 13 }, (_, index) => ({
      id: SessionId.make(`n${index}`),
      createdAt: 2_000_000 - index
    }))
    const rest = idsOf(yield* read([...newest, ...list], { from }))
    assert.deepStrictEqual(
      rest,
      [...newest, ...list.slice(30)].map(({ id }) => id)
    )
  })
)

it.effect("nothing is lost when rows that were delivered have left, and the last ones are not emitted again", () =>
  Effect.gen(function* () {
    const from = yield* tokenAfter(3)
    for (const consistency of ["verified", "fast"] as const) {
      const remaining = list.filter((_, index) => index % 4 !== 0)
      const rest = idsOf(yield* read(remaining, { from, consistency }))
      const undelivered = remaining.map(({ id }): string => id).filter((id) => Number(id.slice(1)) >= 30)
      assert.includeMembers(rest, undelivered)
      assert.strictEqual(new Set(rest).size, rest.length)
      assert.isFalse(rest.some((id) => Number(id.slice(1)) >= 10 && Number(id.slice(1)) < 30))
    }
  })
)

it.effect("a token of another query is refused", () =>
  Effect.gen(function* () {
    const from = yield* tokenAfter(2)
    for (const options of [{ status: "active" }, { pageSize: 20 }, { since: 5 }, { until: 5 }]) {
      assert.match(yield* refusal(from, options), /another query/)
    }
    const filtered = yield* tokenAfter(1, { status: ["a", "b"] })
    assert.match(yield* refusal(filtered, { status: ["a", "c"] }), /another query/)
    yield* read(list, { status: ["b", "a"], from: filtered })
  })
)

it.effect("a token of another version, a damaged one and other text are refused", () =>
  Effect.gen(function* () {
    const from = yield* tokenAfter(2)
    assert.match(yield* refusal(from.replace(/^hbs1/, "hbs2")), /version hbs2/)
    assert.match(yield* refusal(from.slice(0, -3)), /damaged/)
    assert.match(yield* refusal(`${from.slice(0, 40)}${from[40] === "A" ? "B" : "A"}${from.slice(41)}`), /damaged/)
    for (const text of ["", "2", "page=2", "hbs1", "hbs1..", "hbs1.00000000.!!"]) yield* refusal(text)
  })
)

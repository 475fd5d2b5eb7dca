import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { type Session, SessionId } from "../src/Session.ts"
import * as Sessions from "../src/Sessions.ts"
import { decode, digestOf, encode, namesOf } from "../src/internal/scan/token.ts"
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

const rejection = (from: string, options: Sessions.ReadOptions = {}, sessions = list) =>
  Effect.map(Effect.flip(read(sessions, { ...options, from })), ({ message, reason }) => {
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

it.effect("a token is no longer than two kilobytes, and pages that it cannot name row by row come once", () =>
  Effect.gen(function* () {
    const long: ReadonlyArray<Session> = Array.from({ length: 4500 }, (_, index) => ({
      id: SessionId.make(`00000000-0000-4000-8000-${String(index).padStart(12, "0")}`),
      createdAt: 1_000_000 - index
    }))
    for (const consistency of ["verified", "fast"] as const) {
      const chunks = yield* read(long, { consistency, pageSize: 1000 })
      assert.isAbove(chunks.length, 4)
      for (const [index, { resumeToken }] of chunks.entries()) {
        assert.isAtMost(resumeToken.length, 2048)
        const rest = yield* read(long, { consistency, pageSize: 1000, from: resumeToken })
        assert.strictEqual(idsOf(rest).length, long.length - idsOf(chunks.slice(0, index + 1)).length)
      }
    }
    const ids = long.map(({ id }) => id)
    const position = {
      query: "0".repeat(16),
      page: 9,
      pageSize: 9,
      rows: 9,
      digest: "0".repeat(32),
      first: "0".repeat(16)
    }
    for (const isLateCut of [undefined, true as const]) {
      const written = { ...position, pages: [], late: [], last: [], ...(isLateCut === undefined ? {} : { isLateCut }) }
      assert.deepStrictEqual(yield* decode(encode({ ...written, query: digestOf(["q"]) }), "q"), {
        ...written,
        query: digestOf(["q"])
      })
    }
    for (const [late, last] of [
      [ids, ids],
      [ids, []],
      [[], ids]
    ] as const) {
      const pages = [digestOf(ids), digestOf([])]
      assert.isAtMost(encode({ ...position, pages, ...namesOf(late, last) }).length, 2048)
    }
  })
)

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

it.effect("a token of another query is rejected", () =>
  Effect.gen(function* () {
    const from = yield* tokenAfter(2)
    for (const options of [{ status: "active" }, { pageSize: 20 }, { since: 5 }, { until: 5 }]) {
      assert.match(yield* rejection(from, options), /another query/)
    }
    const filtered = yield* tokenAfter(1, { status: ["a", "b"] })
    assert.match(yield* rejection(filtered, { status: ["a", "c"] }), /another query/)
    yield* read(list, { status: ["b", "a"], from: filtered })
  })
)

it.effect("a token of another version, a damaged one and other text are rejected", () =>
  Effect.gen(function* () {
    const from = yield* tokenAfter(2)
    assert.match(yield* rejection(from.replace(/^hbs2/, "hbs1")), /version hbs1, not hbs2/)
    assert.match(yield* rejection(from.slice(0, -3)), /damaged/)
    assert.match(yield* rejection(`${from.slice(0, 40)}${from[40] === "A" ? "B" : "A"}${from.slice(41)}`), /damaged/)
    for (const text of ["", "2", "page=2", "hbs2", "hbs2..", "hbs2.00000000.!!"]) yield* rejection(text)
  })
)

it.effect(
  "a read that must not repeat itself goes on where rows were added above, and fails where rows have gone",
  () =>
    Effect.gen(function* () {
      const chunks = yield* read(list)
      const ids = list.map(({ id }) => id)
      const [added, other] = [SessionId.make("new"), SessionId.make("other")]
      for (const [index, { resumeToken }] of chunks.entries()) {
        const before = idsOf(chunks.slice(0, index + 1))
        const options = { from: resumeToken, whenChanged: "fail" } as const
        const grown = [{ id: added, createdAt: 2_000_000 }, ...list]
        const rest = yield* read(grown, options)
        assert.deepStrictEqual([...before, ...idsOf(rest)].toSorted(), [...ids, added].toSorted())
        // What is not certain yet has the token that the read began with.
        const certain = rest.filter((chunk) => chunk.resumeToken !== resumeToken)
        assert.deepStrictEqual(
          idsOf(certain).toSorted(),
          idsOf(rest)
            .filter((id) => id !== added)
            .toSorted()
        )
        for (const changed of [
          list.slice(1),
          list.filter((_, at) => at !== 3),
          list.map((session, at) => (at === 2 ? { ...session, id: other } : session)),
          [...list.slice(4, 5), ...list.slice(0, 4), ...list.slice(5)]
        ]) {
          assert.include(yield* rejection(resumeToken, { whenChanged: "fail" }, changed), "list has changed")
        }
      }
    })
)

import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Layer, Stream } from "effect"
import { makeQuery } from "../src/internal/scan/Query.ts"
import { restore } from "../src/internal/scan/restore.ts"
import { type Rules, rules } from "../src/internal/scan/Rules.ts"
import { ScanLog } from "../src/internal/scan/ScanLog.ts"
import { Scan } from "../src/internal/scan/Scan.ts"
import { type Session, SessionId } from "../src/Session.ts"
import * as Sessions from "../src/Sessions.ts"
import { SessionsClient } from "../src/SessionsClient.ts"
import type { ScanReport } from "../src/ScanReport.ts"

const uuidOf = (index: number) => `${index.toString(16).padStart(8, "0")}-0000-4000-8000-000000000000`

/** Every other list has ids that are no UUIDs. */
const listOf = (count: number, idOf: (index: number) => string = uuidOf): ReadonlyArray<Session> =>
  Array.from({ length: count }, (_, index) => ({
    id: SessionId.make(idOf(index)),
    createdAt: 1_000_000 - index,
    status: "active"
  }))

const collect = (sessions: ReadonlyArray<Session>, options: Sessions.ScanOptions = {}, chunks = Infinity) =>
  collectFrom(SessionsClient.layerMemory(sessions), options, chunks)

const collectFrom = (client: Layer.Layer<SessionsClient>, options: Sessions.ScanOptions = {}, chunks = Infinity) =>
  Effect.gen(function* () {
    const reports: Array<ScanReport> = []
    const got = yield* Sessions.scan({
      ...options,
      onReport: (report) => Effect.sync(() => reports.push(report))
    }).pipe(Stream.take(chunks === Infinity ? 1_000_000 : chunks), Stream.runCollect, Effect.provide(client))
    return { chunks: got, report: reports[0], ids: got.flatMap((chunk) => chunk.sessions.map(({ id }): string => id)) }
  })

const concat = (pieces: ReadonlyArray<Uint8Array>) => Buffer.concat(pieces)

for (const [name, idOf] of [
  ["UUIDs", uuidOf],
  ["other ids", (index: number) => `sessión-${index}`]
] as const) {
  it.effect(`goes on after any page of a quiet list, proven, with no row twice and one request a page: ${name}`, () =>
    Effect.gen(function* () {
      const list = listOf(65, idOf)
      const whole = yield* collect(list)
      for (let pages = 1; pages <= whole.chunks.length; pages++) {
        const first = yield* collect(list, { concurrency: 1 }, pages)
        const state = Stream.make(concat(first.chunks.map((chunk) => chunk.state)))
        const rest = yield* collect(list, { state })
        assert.deepStrictEqual([...first.ids, ...rest.ids], whole.ids)
        assert.deepStrictEqual(rest.report?.completeness, whole.report?.completeness)
        assert.strictEqual(rest.report?.resumed, true)
        // Both ends of the list are read again when the rest was stopped between them.
        if (pages < whole.chunks.length - 1) assert.strictEqual(rest.report?.requests, whole.report?.requests)
      }
    })
  )
}

it.effect("goes on after any page where the server calls its first page 0", () =>
  Effect.gen(function* () {
    const list = listOf(95)
    const fromZero = Layer.effect(
      SessionsClient,
      SessionsClient.useSync((client) =>
        SessionsClient.of({
          ...client,
          getPage: (query) => Effect.map(client.getPage(query), (page) => ({ ...page, page: (query.page ?? 1) - 1 }))
        })
      )
    ).pipe(Layer.provide(SessionsClient.layerMemory(list)))
    const whole = yield* collectFrom(fromZero)
    for (let pages = 1; pages <= 10; pages++) {
      const first = yield* collectFrom(fromZero, { concurrency: 1 }, pages)
      const state = Stream.make(concat(first.chunks.map((chunk) => chunk.state)))
      const rest = yield* collectFrom(fromZero, { state })
      assert.deepStrictEqual([...first.ids, ...rest.ids], whole.ids)
      assert.deepStrictEqual(rest.report?.completeness, whole.report?.completeness)
      assert.isAtMost(rest.report?.requests ?? NaN, (whole.report?.requests ?? NaN) + 2)
    }
  })
)

it.effect(
  "proves no list that is oldest first by its count where a row left and another one came between the parts",
  () =>
    Effect.gen(function* () {
      const list = listOf(95).toReversed()
      for (const leaves of [2, 12, 29, 31, 60]) {
        const came = { id: SessionId.make(uuidOf(1000)), createdAt: 2_000_000, status: "active" }
        const then = [...list.filter((_, index) => index !== leaves), came]
        const first = yield* collect(list, { concurrency: 1 }, 3)
        const state = Stream.make(concat(first.chunks.map((chunk) => chunk.state)))
        const rest = yield* collect(then, { state })
        const got = new Set([...first.ids, ...rest.ids])
        assert.deepInclude(rest.report?.completeness, { status: "proven", certificate: "moment" })
        assert.deepStrictEqual(
          then.filter(({ id }) => !got.has(id)),
          []
        )
      }
    })
)

it.effect("cuts off a torn end, wherever it is, and says how much is left", () =>
  Effect.gen(function* () {
    const list = listOf(40)
    const first = yield* collect(list, { concurrency: 1 }, 3)
    const state = concat(first.chunks.map((chunk) => chunk.state))
    const ends = first.chunks.map((_, index) => concat(first.chunks.slice(0, index + 1).map((c) => c.state)).length)
    // Around the ends of frames, and here and there between.
    const lengths = Array.from({ length: state.length + 1 }, (_, at) => at).filter(
      (at) => at < 10 || at % 61 === 0 || ends.some((end) => Math.abs(at - end) < 9)
    )
    for (const length of lengths) {
      const torn = [state.subarray(0, length), Buffer.concat([state.subarray(0, length), new Uint8Array(40)])]
      for (const bytes of length < 8 ? torn.slice(0, 1) : torn) {
        // Zeros may be just what was cut off.
        const end = ends.findLast((at) => state.subarray(0, at).equals(bytes.subarray(0, at))) ?? 0
        let restored = { bytes: -1, sessions: -1, page: -1 }
        const onRestored: Sessions.ScanOptions["onRestored"] = (found) => Effect.sync(() => void (restored = found))
        const rest = yield* collect(list, { state: Stream.make(bytes), onRestored }, 1)
        const pages = ends.indexOf(end) + 1
        assert.deepStrictEqual(restored, { bytes: end, sessions: pages * 10, page: pages })
        assert.strictEqual(rest.ids[0], list[pages * 10]?.id)
      }
    }
    // A byte that is wrong is an end too.
    const damaged = Buffer.from(state)
    damaged[ends[0]! + 20]! ^= 1
    assert.strictEqual((yield* collect(list, { state: Stream.make(damaged) }, 1)).ids[0], list[10]?.id)
  })
)

it.effect("rejects the state of another query, of another version, and what is none", () =>
  Effect.gen(function* () {
    const list = listOf(40)
    const first = yield* collect(list, { status: "active" }, 2)
    const state = concat(first.chunks.map((chunk) => chunk.state))
    const problem = (bytes: Uint8Array, options: Sessions.ScanOptions = {}) =>
      Effect.map(Effect.flip(collect(list, { ...options, state: Stream.make(bytes) })), ({ message, reason }) => {
        assert.strictEqual(reason._tag, "InvalidResumeToken")
        return message
      })
    for (const options of [
      {},
      { status: "closed" },
      { status: "active", pageSize: 20 },
      { status: "active", since: 5 }
    ]) {
      assert.match(yield* problem(state, options), /another query/)
    }
    assert.match(yield* problem(Buffer.from("hbscan2\n....")), /version 2/)
    assert.match(yield* problem(Buffer.from("id,status\nabc,active\n")), /no state of a scan/)
    assert.match(yield* problem(Buffer.from("x")), /no state of a scan/)
  })
)

it.effect("gives rows that are read again as they are now", () =>
  Effect.gen(function* () {
    const list = listOf(30)
    const first = yield* collect(list, { concurrency: 1 }, 2)
    const closed = list.map((session) => ({ ...session, status: "closed" }))
    const state = Stream.make(concat(first.chunks.map((chunk) => chunk.state)))
    const { chunks } = yield* collect(closed, { state })
    const again = chunks.flatMap(({ repeated }) => repeated)
    assert.isNotEmpty(again)
    assert.isTrue(again.every(({ status }) => status === "closed"))
  })
)

for (const filter of [{}, { status: "active" }] as const) {
  it.effect(`comes to an end when each scan is stopped before it began: ${JSON.stringify(filter)}`, () =>
    Effect.gen(function* () {
      const list = listOf(95)
      const whole = yield* collect(list, filter)
      let state: Uint8Array = new Uint8Array(0)
      const ids: Array<string> = []
      let requests = 0
      for (let scans = 1; ; scans++) {
        assert.isBelow(scans, 40)
        let report: ScanReport | undefined
        yield* Sessions.scan({
          ...filter,
          concurrency: 1,
          state: Stream.make(state),
          stopWhen: Effect.void,
          onReport: (found) => Effect.sync(() => void (report = found))
        }).pipe(
          Stream.runForEach((chunk) =>
            Effect.sync(() => {
              requests++
              state = Buffer.concat([state, chunk.state])
              ids.push(...chunk.sessions.map(({ id }) => id))
            })
          ),
          Effect.provide(SessionsClient.layerMemory(list))
        )
        if (report === undefined) continue
        assert.deepStrictEqual(report.completeness, whole.report?.completeness)
        break
      }
      assert.deepStrictEqual(ids, whole.ids)
      assert.isAtMost(requests, (whole.report?.requests ?? 0) + 4)
    })
  )
}

it.effect("gives what was in flight when it is told to stop", () =>
  Effect.gen(function* () {
    const list = listOf(200)
    const stop = yield* Deferred.make<void>()
    let asked = 0
    const chunks = yield* Sessions.scan({ concurrency: 8, stopWhen: Deferred.await(stop) }).pipe(
      Stream.tap(() => Effect.sync(() => asked > 4 && Deferred.doneUnsafe(stop, Exit.void))),
      Stream.runCollect,
      Effect.provideServiceEffect(
        SessionsClient,
        Effect.map(SessionsClient, (client) => ({
          ...client,
          getPage: (query) =>
            Effect.suspend(() => {
              asked++
              return Effect.andThen(Effect.yieldNow, client.getPage(query))
            })
        }))
      ),
      Effect.provide(SessionsClient.layerMemory(list))
    )
    assert.strictEqual(chunks.length, asked)
    assert.isBelow(asked, 20)
  })
)

it.effect(
  "keeps the order of events: what is asked for after a restart comes behind all that was complete before it",
  () =>
    Effect.gen(function* () {
      const query = makeQuery({})
      const before = new Scan(query, rules, undefined)
      before.log = new ScanLog({ query: query.text, isContinued: false })
      before.beginPass(1, true, false)
      const tickets = [before.ask(1), before.ask(2), before.ask(3)]
      const page = (number: number) => ({
        page: number,
        totalCount: 30,
        sessions: listOf(30).slice(number * 10 - 10, number * 10)
      })
      // The second page is complete, but not taken; the third is in flight.
      const answers = [before.complete(tickets[0]!, page(1)), before.complete(tickets[1]!, page(2))]
      const { learned } = before.take(answers[0]!, true)
      const restoreWith = (used: Rules) =>
        Effect.gen(function* () {
          const after = new Scan(query, used, undefined)
          yield* restore(after, Stream.make(learned))
          return after
        })
      const after = yield* restoreWith(rules)
      assert.isAbove(after.ask(2).asked, Math.max(...answers.map(({ completed }) => completed)))
      assert.strictEqual(after.table.size, 10)
      assert.strictEqual(after.pass.reached, 1)
      const seen = (scan: Scan) => {
        const numbers: Array<readonly [number, number]> = []
        scan.table.forEach((first, last) => numbers.push([first, last]))
        return numbers.toSorted()
      }
      assert.deepStrictEqual(seen(after), seen(before))
      assert.deepStrictEqual([...after.responses.from(0)], [...before.responses.from(0)])
      // The same test notices a clock that begins again.
      assert.strictEqual((yield* restoreWith({ ...rules, restoredClock: () => 0 })).ask(2).asked, 1)
    })
)

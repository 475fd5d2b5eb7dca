import { assert, describe, it } from "@effect/vitest"
import { DateTime, Deferred, Effect, Fiber, Layer, Ref, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type Session, SessionId } from "../src/Session.ts"
import type { DecodedPage, SessionPage, UnreadableRow } from "../src/SessionPage.ts"
import * as Sessions from "../src/Sessions.ts"
import type { ListQuery } from "../src/SessionsApi.ts"
import { SessionsClient } from "../src/SessionsClient.ts"
import { InvalidRequest, SessionsError, UpstreamUnavailable } from "../src/SessionsError.ts"
import { rowsOf } from "../src/internal/scan/unreadable.ts"
import { ScanReport } from "../src/ScanReport.ts"

const sessionsOf = (count: number): ReadonlyArray<Session> =>
  Array.from({ length: count }, (_, index) => ({
    id: SessionId.make(`s${index}`),
    status: index % 3 === 0 ? "active" : index % 3 === 1 ? "closed" : "error",
    createdAt: 1_000_000 - index
  }))

const idsOf = (sessions: ReadonlyArray<Session>) => sessions.map(({ id }): string => id)

/** A client whose pages a function makes. */
const answering = (getPage: (page: number, query: ListQuery) => Effect.Effect<DecodedPage, SessionsError>) =>
  Layer.succeed(
    SessionsClient,
    SessionsClient.of({
      getPage: (query) => Effect.suspend(() => getPage(query.page ?? 1, query)),
      getPageResponse: () => Effect.die("not used")
    })
  )

/** Page `page` of a list, 10 a page. */
const pageOf = (list: ReadonlyArray<Session>, page: number, pageSize = 10): SessionPage => ({
  sessions: list.slice((page - 1) * pageSize, page * pageSize),
  totalCount: list.length,
  page,
  pageSize
})

const rejected = (page: number) =>
  Effect.fail(new SessionsError({ page, reason: new InvalidRequest({ status: 400, detail: "no such page" }) }))

const reasonOf = Effect.map(({ reason }: SessionsError) => reason._tag)

describe("what is read", () => {
  it.effect("every session once, in the order of the list, with a report that can be kept", () =>
    Effect.gen(function* () {
      const list = sessionsOf(95)
      const { report, sessions } = yield* Sessions.collect().pipe(Effect.provide(SessionsClient.layerMemory(list)))
      assert.deepStrictEqual(idsOf(sessions), idsOf(list))
      assert.deepInclude(report, {
        passes: 1,
        requests: 12,
        distinctRows: 95,
        emittedRows: 95,
        totalCountFirst: 95,
        totalCountLast: 95,
        driftSeen: false,
        pageSize: 10,
        order: "newest-first",
        stoppedEarly: false,
        resumed: false
      })
      assert.deepInclude(report.completeness, { status: "proven", certificate: "count" })
      const encoded = yield* Schema.encodeEffect(ScanReport)(report)
      assert.deepStrictEqual(yield* Schema.decodeEffect(ScanReport)(encoded), report)
    })
  )

  it.effect("an empty list", () =>
    Effect.gen(function* () {
      const { report, sessions } = yield* Sessions.collect().pipe(Effect.provide(SessionsClient.layerMemory([])))
      assert.deepStrictEqual(sessions, [])
      assert.strictEqual(report.requests, 3)
      assert.strictEqual(report.completeness.status, "proven")
    })
  )

  it.effect("an empty list is proven only if neither another look nor the next page contradicts it", () =>
    Effect.gen(function* () {
      const list = sessionsOf(25)
      const empty = (page: number): SessionPage => ({ sessions: [], totalCount: 0, page, pageSize: 10 })
      for (const glitch of [
        // Once, and not again.
        (page: number, request: number) => (request === 1 ? empty(page) : pageOf(list, page)),
        // The first page only.
        (page: number) => (page === 1 ? empty(page) : { ...pageOf(list, page), totalCount: 0 }),
        // With a total that says otherwise, at once or later.
        (page: number) => ({ ...empty(page), totalCount: 200 }),
        (page: number, request: number) => ({ ...empty(page), totalCount: request === 1 ? 0 : 200 })
      ]) {
        for (const options of [{}, { status: "active" }]) {
          let requests = 0
          const { report, sessions } = yield* Sessions.collect(options).pipe(
            Effect.provide(answering((page) => Effect.sync(() => glitch(page, ++requests))))
          )
          assert.isTrue(report.completeness.status === "unproven" || sessions.length === 25)
          assert.isAtMost(requests, 30)
        }
      }
    })
  )

  it.effect("a total that ends with a full page is refuted by the page after it, and the rest is read", () =>
    Effect.gen(function* () {
      const list = sessionsOf(125)
      for (const options of [{}, { status: "closed" }, { concurrency: 1 }]) {
        for (const totalCount of [10, 100, 120]) {
          let requests = 0
          const { report, sessions } = yield* Sessions.collect(options).pipe(
            Effect.provide(
              answering((page) => Effect.sync(() => ({ ...pageOf(list, page), totalCount, requests: ++requests })))
            )
          )
          assert.deepStrictEqual(idsOf(sessions), idsOf(list))
          assert.deepInclude(report.completeness, { status: "unproven", reason: "contradicted" })
          assert.match(JSON.stringify(report.completeness), new RegExp(`page \\d+ has more .* list of ${totalCount},`))
          assert.isAtMost(requests, 13 + 4)
        }
      }
      // A fast read asks for no more pages than the total says.
      const { report, sessions } = yield* Sessions.collect({ consistency: "fast" }).pipe(
        Effect.provide(answering((page) => Effect.succeed({ ...pageOf(list, page), totalCount: 100 })))
      )
      assert.deepStrictEqual([sessions.length, report.requests], [100, 10])
    })
  )

  it.effect("a page size that disagrees with the pages loses nothing", () =>
    Effect.gen(function* () {
      const list = sessionsOf(125)
      for (const consistency of ["verified", "fast"] as const) {
        for (const pageSize of [1, 5, 20, 100, 1000]) {
          const { report, sessions } = yield* Sessions.collect({ consistency }).pipe(
            Effect.provide(answering((page) => Effect.succeed({ ...pageOf(list, page), pageSize })))
          )
          assert.deepStrictEqual(idsOf(sessions), idsOf(list), `${pageSize}`)
          if (consistency === "verified") assert.strictEqual(report.completeness.status, "proven", `${pageSize}`)
        }
      }
    })
  )

  it.effect("one status by the server, in two passes", () =>
    Effect.gen(function* () {
      const list = sessionsOf(300)
      const { report, sessions } = yield* Sessions.collect({ status: "closed" }).pipe(
        Effect.provide(SessionsClient.layerMemory(list))
      )
      assert.deepStrictEqual(idsOf(sessions), idsOf(list.filter(({ status }) => status === "closed")))
      assert.deepInclude(report.completeness, { status: "proven", certificate: "moment" })
      assert.strictEqual(report.passes, 2)
    })
  )

  it.effect("several statuses, and one by the client, out of the whole list in one pass", () =>
    Effect.gen(function* () {
      const list = sessionsOf(300)
      for (const options of [{ status: ["closed", "active"] }, { status: ["closed"], filter: "client" as const }]) {
        const { report, sessions } = yield* Sessions.collect(options).pipe(
          Effect.provide(SessionsClient.layerMemory(list))
        )
        const expected = list.filter(({ status }) => options.status.includes(status ?? ""))
        assert.deepStrictEqual(idsOf(sessions), idsOf(expected))
        assert.deepInclude(report.completeness, { status: "proven", certificate: "count" })
        assert.strictEqual(report.distinctRows, 300)
      }
    })
  )

  it.effect("pages of which every row is filtered out do not end the read", () =>
    Effect.gen(function* () {
      const list = sessionsOf(40).map((session, index) => ({ ...session, status: index < 39 ? "active" : "rare" }))
      const { sessions } = yield* Sessions.collect({ status: ["rare", "other"], consistency: "fast" }).pipe(
        Effect.provide(SessionsClient.layerMemory(list))
      )
      assert.deepStrictEqual(idsOf(sessions), ["s39"])
    })
  )

  it.effect("the page size that is asked for is sent as limit", () =>
    Effect.gen(function* () {
      const limits = yield* Ref.make<ReadonlyArray<number | undefined>>([])
      const list = sessionsOf(30)
      yield* Stream.runDrain(Sessions.stream({ pageSize: 30, consistency: "fast" })).pipe(
        Effect.provide(
          answering((page, { limit }) =>
            Effect.as(
              Ref.update(limits, (all) => [...all, limit]),
              pageOf(list, page, limit)
            )
          )
        )
      )
      assert.deepStrictEqual(yield* Ref.get(limits), [30])
    })
  )

  it.effect("only sessions between since and until, and no page beyond since", () =>
    Effect.gen(function* () {
      const list = sessionsOf(1000)
      const at = (index: number) => DateTime.makeUnsafe(1_000_000 - index)
      const { report, sessions } = yield* Sessions.collect({
        since: at(24),
        until: at(4),
        concurrency: 1,
        consistency: "fast"
      }).pipe(Effect.provide(SessionsClient.layerMemory(list)))
      assert.deepStrictEqual(idsOf(sessions), idsOf(list.slice(5, 25)))
      assert.deepStrictEqual(report.completeness, { status: "unproven", reason: "fast" })
      assert.isTrue(report.stoppedEarly)
      assert.strictEqual(report.requests, 4)
    })
  )

  it.effect("a verified read down to since is proven, unless the server filters", () =>
    Effect.gen(function* () {
      const list = sessionsOf(1000).map((session) => ({ ...session, status: "closed" }))
      const read = (options: Sessions.ReadOptions) =>
        Sessions.collect({ since: 1_000_000 - 49, ...options }).pipe(
          Effect.provide(SessionsClient.layerMemory(list)),
          Effect.map(({ report, sessions }) => {
            assert.deepStrictEqual(idsOf(sessions), idsOf(list.slice(0, 50)))
            assert.isTrue(report.stoppedEarly)
            return report.completeness
          })
        )
      assert.deepInclude(yield* read({}), { status: "proven", certificate: "position" })
      assert.deepInclude(yield* read({ status: "closed", filter: "client" }), { certificate: "position" })
      assert.deepStrictEqual(yield* read({ status: "closed" }), { status: "unproven", reason: "stopped-early" })
    })
  )

  it.effect("since does not end the read of a list that is not newest first", () =>
    Effect.gen(function* () {
      const list = sessionsOf(100).toReversed()
      const { report, sessions } = yield* Sessions.collect({ since: 1_000_000 - 9 }).pipe(
        Effect.provide(SessionsClient.layerMemory(list))
      )
      assert.strictEqual(sessions.length, 10)
      assert.isFalse(report.stoppedEarly)
      assert.deepInclude(report, { order: "oldest-first" })
      assert.strictEqual(report.completeness.status, "proven")
    })
  )
})

describe("how it is read", () => {
  it.effect("no more pages at once than asked for, and none while the consumer is busy", () =>
    Effect.gen(function* () {
      const list = sessionsOf(1000)
      let inFlight = 0
      let most = 0
      let requests = 0
      const client = answering((page) =>
        Effect.gen(function* () {
          requests++
          most = Math.max(most, ++inFlight)
          yield* Effect.sleep("10 millis")
          inFlight--
          return pageOf(list, page)
        })
      )
      const stop = yield* Deferred.make<void>()
      const fiber = yield* Sessions.pages({ concurrency: 4 }).pipe(
        Stream.runForEach(({ page }) => (page === 3 ? Deferred.await(stop) : Effect.void)),
        Effect.provide(client),
        Effect.forkChild
      )
      yield* TestClock.adjust("10 seconds")
      // Pages 1 to 3 are taken; two more of each of the stages between are under way or wait.
      assert.isAtMost(requests, 3 + 2 * 4)
      yield* Deferred.succeed(stop, undefined)
      yield* TestClock.adjust("10 minutes")
      yield* Fiber.join(fiber)
      assert.strictEqual(most, 4)
      assert.strictEqual(requests, 102)
    })
  )

  it.effect("a failure comes after all rows of the pages before it", () =>
    Effect.gen(function* () {
      const list = sessionsOf(200)
      const down = new UpstreamUnavailable({ kind: "status", status: 503, attempts: 6, detail: "" })
      const client = answering((page) =>
        page === 7
          ? Effect.fail(new SessionsError({ page, reason: down }))
          : Effect.delay(Effect.succeed(pageOf(list, page)), `${100 - page} millis`)
      )
      const seen: Array<string> = []
      const fiber = yield* Sessions.stream().pipe(
        Stream.runForEach(({ id }) => Effect.sync(() => seen.push(id))),
        Effect.flip,
        Effect.provide(client),
        Effect.forkChild
      )
      yield* TestClock.adjust("1 minute")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.page, 7)
      assert.strictEqual(error.reason._tag, "UpstreamUnavailable")
      assert.deepStrictEqual(seen, idsOf(list.slice(0, 60)))
    })
  )

  it.effect("an interrupted read ends its requests and gives no report", () =>
    Effect.gen(function* () {
      let inFlight = 0
      let reports = 0
      const list = sessionsOf(200)
      const client = answering((page) =>
        page === 1
          ? Effect.succeed(pageOf(list, page))
          : Effect.acquireUseRelease(
              Effect.sync(() => ++inFlight),
              () => Effect.never,
              () => Effect.sync(() => --inFlight)
            )
      )
      const fiber = yield* Sessions.stream({ onReport: () => Effect.sync(() => void reports++) }).pipe(
        Stream.runDrain,
        Effect.provide(client),
        Effect.forkChild
      )
      yield* Effect.repeat(TestClock.adjust("1 second"), { times: 10 })
      assert.strictEqual(inFlight, 8)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(inFlight, 0)
      assert.strictEqual(reports, 0)
    })
  )
})

describe("guards", () => {
  const list = sessionsOf(45)
  const fails = (getPage: Parameters<typeof answering>[0], options: Sessions.ReadOptions = {}) =>
    Stream.runDrain(Sessions.stream(options)).pipe(Effect.flip, reasonOf, Effect.provide(answering(getPage)))
  const reads = (getPage: Parameters<typeof answering>[0], options: Sessions.ReadOptions = {}) =>
    Sessions.collect(options).pipe(Effect.provide(answering(getPage)))

  it.effect("two pages with the same rows: PaginationStuck", () =>
    Effect.gen(function* () {
      const stuck = (page: number) => Effect.succeed({ ...pageOf(list, 1), page })
      assert.strictEqual(yield* fails(stuck), "PaginationStuck")
      const silent = () => Effect.succeed({ sessions: list.slice(0, 10), totalCount: 45 })
      assert.strictEqual(yield* fails(silent), "PaginationStuck")
    })
  )

  it.effect("more pages than maxPages: PaginationStuck", () =>
    Effect.gen(function* () {
      const endless = (page: number) =>
        Effect.succeed({ sessions: [{ id: SessionId.make(`s${page}`) }], page, pageSize: 1 })
      assert.strictEqual(yield* fails(endless, { maxPages: 20 }), "PaginationStuck")
      const { report } = yield* reads((page) => Effect.succeed(pageOf(list, page)), { maxPages: 5 })
      assert.strictEqual(report.completeness.status, "proven")
    })
  )

  it.effect("another page than the one asked for: PageMismatch", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* fails((page) => Effect.succeed(pageOf(list, page === 2 ? 1 : page))), "PageMismatch")
    })
  )

  it.effect("a server that calls its first page 0 is read; any other number for the first page is final", () =>
    Effect.gen(function* () {
      for (const options of [{}, { consistency: "fast" }, { since: 0 }] as const) {
        const { sessions } = yield* reads((page) => Effect.succeed({ ...pageOf(list, page), page: page - 1 }), options)
        assert.deepStrictEqual(idsOf(sessions), idsOf(list))
        for (const told of [() => 0, () => 7, () => 0.5, () => -1, (page: number) => (page === 1 ? 0 : page)]) {
          let requests = 0
          const reason = yield* fails((page) => {
            requests++
            return Effect.succeed({ ...pageOf(list, page), page: told(page) })
          }, options)
          assert.strictEqual(reason, "PageMismatch")
          assert.isAtMost(requests, 10)
        }
      }
    })
  )

  it.live("past the last page nothing, 400 and the last page again all mean the end", () =>
    Effect.gen(function* () {
      const short = list.slice(0, 25)
      for (const past of [
        (page: number) => Effect.succeed({ sessions: [], totalCount: 25, page, pageSize: 10 }),
        rejected,
        () => Effect.succeed(pageOf(short, 3)),
        (page: number) => Effect.succeed({ ...pageOf(short, 3), page })
      ]) {
        // The list becomes shorter after page 1 was read, so all five pages that it told of are asked for.
        let requests = 0
        const { report, sessions } = yield* reads((page) =>
          requests++ === 0
            ? Effect.succeed(pageOf(list, page))
            : Effect.delay(page > 3 ? past(page) : Effect.succeed(pageOf(short, page)), "5 millis")
        )
        assert.deepStrictEqual(idsOf(sessions), idsOf(short))
        assert.isTrue(report.driftSeen)
      }
    })
  )

  it.effect("400 for a page that is there is a failure", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* fails((page) => (page === 3 ? rejected(page) : Effect.succeed(pageOf(list, page)))),
        "InvalidRequest"
      )
    })
  )

  it.effect("without totals, until an empty page; and nothing is proven", () =>
    Effect.gen(function* () {
      for (const withSize of [false, true]) {
        const { report, sessions } = yield* reads((page) => {
          const rows = { sessions: pageOf(list, page).sessions }
          return Effect.succeed(withSize ? { ...rows, pageSize: 10 } : rows)
        })
        assert.deepStrictEqual(idsOf(sessions), idsOf(list))
        assert.deepStrictEqual(report.completeness, { status: "unproven", reason: "no-total" })
      }
    })
  )

  it.effect("a total that is too low or too high proves nothing, and loses nothing", () =>
    Effect.gen(function* () {
      for (const totalCount of [25, 42, 44, 49, 80]) {
        const { report, sessions } = yield* reads((page) => Effect.succeed({ ...pageOf(list, page), totalCount }))
        assert.deepStrictEqual(idsOf(sessions), idsOf(list), `${totalCount}`)
        assert.strictEqual(report.completeness.status, "unproven", `${totalCount}`)
      }
    })
  )

  it.effect("a page size that changes once starts the pass again; one that keeps changing is PaginationStuck", () =>
    Effect.gen(function* () {
      let requests = 0
      const { report, sessions } = yield* reads((page) => Effect.succeed(pageOf(list, page, requests++ < 3 ? 10 : 7)))
      assert.deepStrictEqual(idsOf(sessions).toSorted(), idsOf(list).toSorted())
      assert.strictEqual(report.pageSize, 7)
      assert.isAbove(report.passes, 1)
      assert.strictEqual(
        yield* fails((page) => Effect.succeed(pageOf(list, page, 5 + (requests++ % 7)))),
        "PaginationStuck"
      )
    })
  )

  it.effect("a short page is not the end", () =>
    Effect.gen(function* () {
      const { sessions } = yield* reads(
        (page) => {
          const whole = pageOf(list, page)
          return Effect.succeed(page === 2 ? { ...whole, sessions: whole.sessions.slice(0, 5) } : whole)
        },
        { consistency: "fast" }
      )
      assert.strictEqual(sessions.length, 40)
    })
  )

  it.effect("rows that were skipped come after those of the list", () =>
    Effect.gen(function* () {
      // A session appears after page 2 was read, and before page 1 is: its last row moves to page 2 unseen.
      let requests = 0
      const newest: Session = { id: SessionId.make("new"), createdAt: 2_000_000 }
      const grown = [newest, ...list]
      const { report, sessions } = yield* reads((page) => {
        requests++
        return Effect.succeed(
          page === 3 && requests < 6 ? pageOf(list, page) : pageOf(requests < 3 ? list : grown, page)
        )
      })
      assert.sameMembers(idsOf(sessions), idsOf(grown))
      assert.strictEqual(new Set(idsOf(sessions)).size, sessions.length)
      assert.strictEqual(sessions.findIndex(({ id }) => id === "new") > 30, true)
      assert.strictEqual(report.completeness.status, "proven")
      assert.isTrue(report.driftSeen)
    })
  )
})

describe("rows without a usable id", () => {
  /** Page `page` of a list in which text stands for a row that says it. */
  const pageWith = (list: ReadonlyArray<Session | string>, page: number): DecodedPage => {
    const rows = list.slice((page - 1) * 10, page * 10)
    const unreadableRows = rows.flatMap((row, index): ReadonlyArray<UnreadableRow> =>
      typeof row === "string"
        ? [{ page, index, path: `sessions[${index}].id`, reason: "id-missing", row: { says: row } }]
        : []
    )
    return {
      sessions: rows.filter((row) => typeof row !== "string"),
      totalCount: list.length,
      page,
      pageSize: 10,
      ...(unreadableRows.length === 0 ? {} : { unreadableRows })
    }
  }
  const listWith = (...said: ReadonlyArray<readonly [index: number, text: string]>) =>
    said.reduce<ReadonlyArray<Session | string>>((list, [index, text]) => list.with(index, text), sessionsOf(95))
  const readOf = (list: ReadonlyArray<Session | string>, options: Sessions.ReadOptions = {}) =>
    Sessions.collect(options).pipe(Effect.provide(answering((page) => Effect.succeed(pageWith(list, page)))))

  it.effect("are handed over apart, once each and whatever the filters, and count as rows in the proof", () =>
    Effect.gen(function* () {
      const rows: Array<UnreadableRow> = []
      const onUnreadableRow = (row: UnreadableRow) => Effect.sync(() => void rows.push(row))
      const list = listWith([7, "x"], [31, "y"])
      const { report, sessions } = yield* readOf(list, { onUnreadableRow, filter: "client", status: "closed" })
      assert.isTrue(sessions.every(({ status }) => status === "closed"))
      assert.deepStrictEqual(
        rows.map(({ index, page, row }) => [page, index, row]),
        [
          [1, 7, { says: "x" }],
          [4, 1, { says: "y" }]
        ]
      )
      assert.deepInclude(report, { unreadableRows: 2, distinctRows: 93, totalCountLast: 95, passes: 2 })
      assert.deepInclude(report.completeness, { status: "proven", certificate: "moment" })
    })
  )

  it.effect("come with the chunk of their page", () =>
    Effect.gen(function* () {
      const chunks = yield* Sessions.pages({ consistency: "fast" }).pipe(
        Stream.runCollect,
        Effect.provide(answering((page) => Effect.succeed(pageWith(listWith([12, "x"]), page))))
      )
      assert.deepStrictEqual(
        chunks.map(({ page, unreadableRows }) => [page, unreadableRows.length]),
        Array.from({ length: 10 }, (_, index) => [index + 1, index === 1 ? 1 : 0])
      )
    })
  )

  it.effect("that read alike on different pages prove nothing, and do not keep the read going", () =>
    Effect.gen(function* () {
      const { report } = yield* readOf(listWith([12, "x"], [50, "x"]))
      assert.deepStrictEqual(report.completeness, { status: "unproven", reason: "unreadable-rows" })
      assert.strictEqual(report.passes, 2)
    })
  )

  it.effect("that read alike on one page can be counted", () =>
    Effect.gen(function* () {
      const { report } = yield* readOf(listWith([12, "x"], [15, "x"]))
      assert.deepInclude(report, { unreadableRows: 2 })
      assert.strictEqual(report.completeness.status, "proven")
    })
  )

  it.effect("keep their places among the others, also where a page has very many", () =>
    Effect.gen(function* () {
      const unreadableRows = Array.from({ length: 20_000 }, (_, index): UnreadableRow => {
        return { page: 1, index: index + (index < 10_000 ? 1 : 2), path: "", reason: "not-an-object", row: null }
      })
      const page: DecodedPage = {
        sessions: sessionsOf(3),
        totalCount: 20_003,
        page: 1,
        pageSize: 20_003,
        unreadableRows
      }
      const { sessions, unreadable, hasAlike } = rowsOf(page)
      assert.deepStrictEqual(
        sessionsOf(3).map(({ id }) => sessions.findIndex((session) => session.id === id)),
        [0, 10_001, 20_002]
      )
      assert.deepStrictEqual([sessions.length, unreadable?.size, hasAlike], [20_003, 20_000, true])
      const { report } = yield* Sessions.collect().pipe(Effect.provide(answering(() => Effect.succeed(page))))
      assert.deepInclude(report, { unreadableRows: 20_000, distinctRows: 3 })
    })
  )

  it.effect("that read otherwise each time never make up for a session that was missed", () =>
    Effect.gen(function* () {
      // The server leaves one session out, and each answer has another text on the first page.
      const whole = sessionsOf(95)
      let answers = 0
      const { report, sessions } = yield* Sessions.collect().pipe(
        Effect.provide(
          answering((page) => {
            const text = `${answers++}`
            const list = [...whole.slice(0, 5), text, ...whole.slice(5, 50), ...whole.slice(51)]
            return Effect.succeed({ ...pageWith(list, page), totalCount: 96 })
          })
        )
      )
      assert.lengthOf(sessions, 94)
      assert.strictEqual(report.completeness.status, "unproven")
    })
  )

  it.effect("do not keep a read from ending at since", () =>
    Effect.gen(function* () {
      const list = listWith([25, "x"], [35, "y"], [45, "z"])
      const { report } = yield* readOf(list, { since: 1_000_000 - 19, concurrency: 1 })
      assert.isTrue(report.stoppedEarly)
      assert.isBelow(report.requests, 9)
      assert.strictEqual(report.unreadableRows, 1)
    })
  )
})

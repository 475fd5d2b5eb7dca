/**
 * The simulator as clients meet it: over real sockets.
 */
import { Hyperbrowser } from "@hyperbrowser/sdk"
import { SessionPage } from "@hb-sessions/core/SessionPage"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Schema, Scope } from "effect"
import { Simulator, type SimulatorOptions, startSimulator } from "../src/Simulator.ts"
import type { Variants } from "../src/Variants.ts"
import { servePage } from "../src/World.ts"
import { get } from "./rawRequest.ts"
import { until } from "./until.ts"

/** Sends a request with the right key. */
const ask = (path: string) => Effect.flatMap(Simulator, ({ apiKey, url }) => get(`${url}${path}`, apiKey))

const list = (query = "") => ask(`/api/sessions${query}`)

/** A page, as a client without a schema reads it. */
interface Body {
  readonly sessions: ReadonlyArray<{ readonly id: string; readonly status: string }>
  readonly totalCount: number
  readonly page: number
  readonly pageSize: number
}

const bodyOf = (query = "") => Effect.map(list(query), ({ text }): Body => JSON.parse(text))

const withSimulator = (options: SimulatorOptions) => Effect.provide(Simulator.layer(options))

layer(Simulator.layer({ sessions: 57, seed: "http" }))("a simulator", (it) => {
  it.effect("serves each session of the list once, in order", () =>
    Effect.gen(function* () {
      const { world } = yield* Simulator
      const pages = yield* Effect.forEach([1, 2, 3, 4, 5, 6], (page) => bodyOf(`?page=${page}`))
      assert.deepStrictEqual(
        pages.flatMap(({ sessions }) => sessions.map(({ id }) => id)),
        world.ids()
      )
      for (const [index, { page, pageSize, totalCount }] of pages.entries()) {
        assert.deepStrictEqual([page, pageSize, totalCount], [index + 1, 10, 57])
      }
    })
  )

  it.effect("answers as the world alone does", () =>
    Effect.gen(function* () {
      const { world } = yield* Simulator
      const { headers, status, text } = yield* list("?status=closed&page=2&limit=3")
      assert.strictEqual(status, 200)
      assert.match(String(headers["content-type"]), /^application\/json/)
      assert.deepStrictEqual(JSON.parse(text), servePage(world, { status: "closed", page: 2, limit: 3 }).body)
    })
  )

  it.effect("serves the vendor's SDK", () =>
    Effect.gen(function* () {
      const { apiKey, url, world } = yield* Simulator
      const sdk = new Hyperbrowser({ apiKey, baseUrl: url })
      const second = yield* Effect.promise(() => sdk.sessions.list({ page: 2 }))
      assert.deepStrictEqual(
        second.sessions.map(({ id }) => id),
        world.ids().slice(10, 20)
      )
      const active = yield* Effect.promise(() => sdk.sessions.list({ page: 1, status: "active" }))
      assert.strictEqual(active.totalCount, world.total("active"))
      const rejected = yield* Effect.promise(() =>
        new Hyperbrowser({ apiKey: "wrong", baseUrl: url }).sessions.list().catch((error: unknown) => error)
      )
      assert.include(rejected, { statusCode: 401, message: "[Hyperbrowser]: Invalid API key" })
    })
  )

  it.effect("rejects a wrong key and none with 401, before it looks at the query", () =>
    Effect.gen(function* () {
      const { url } = yield* Simulator
      for (const key of ["wrong", "", undefined]) {
        const { status, text } = yield* get(`${url}/api/sessions?page=zero`, key)
        assert.strictEqual(status, 401)
        assert.deepStrictEqual(JSON.parse(text), { message: "Invalid API key" })
      }
    })
  )

  it.effect("rejects a query that does not fit with 400, and names the parameter", () =>
    Effect.gen(function* () {
      for (const query of [
        "page=0",
        "page=-1",
        "page=1.5",
        "page=two",
        "page=",
        "limit=0",
        "limit=x",
        "status=asleep"
      ]) {
        const { status, text } = yield* list(`?${query}`)
        assert.strictEqual(status, 400, query)
        const { message } = JSON.parse(text)
        assert.match(message, new RegExp(`^Invalid query parameter ${query.split("=")[0]}: `))
      }
      for (const status of ["active", "closed", "error", "close-error"]) {
        assert.strictEqual((yield* list(`?status=${status}`)).status, 200)
      }
    })
  )

  it.effect("answers 404 in JSON elsewhere, and keeps its statistics to itself unless asked", () =>
    Effect.gen(function* () {
      for (const path of ["/", "/api/session", "/__stats"]) {
        const { status, text } = yield* ask(path)
        assert.strictEqual(status, 404)
        assert.strictEqual(JSON.parse(text).message, `Not found: GET ${path}`)
      }
    })
  )

  it.effect("gives every answer a request id of its own", () =>
    Effect.gen(function* () {
      const answers = yield* Effect.all([list(), list("?page=0"), ask("/nowhere"), list()])
      const ids = answers.map(({ headers }) => headers["x-request-id"])
      assert.isTrue(ids.every((id) => typeof id === "string" && id !== ""))
      assert.strictEqual(new Set(ids).size, 4)
    })
  )

  it.effect("keeps real time under a test clock", () =>
    Effect.gen(function* () {
      assert.lengthOf((yield* bodyOf()).sessions, 10)
    }).pipe(withSimulator({ latency: "5 millis" }))
  )
})

describe("the same seed", () => {
  it.live("gives two simulators the same answers, byte for byte", () =>
    Effect.gen(function* () {
      const read = Effect.forEach([1, 2, 3, 4, 5], (page) => list(`?page=${page}`)).pipe(
        Effect.map((answers) => answers.map(({ status, text }) => [status, text])),
        withSimulator({
          seed: "twin",
          churn: { start: 0.5, end: 0.5, purge: 0.3, update: 0.5 },
          faults: { rates: { "500": 0.2, html: 0.2 } }
        })
      )
      assert.deepStrictEqual(yield* read, yield* read)
    })
  )
})

describe("variants over HTTP", () => {
  const variants: ReadonlyArray<SimulatorOptions & Partial<Variants>> = [
    { pageSizeField: "perPage" },
    { timestamps: "number" },
    { extraFields: true },
    { pageSizeField: "none", timestamps: "number", extraFields: true },
    { order: "updated-desc" },
    { order: "created-asc", totalRead: "after" },
    { totalRead: "before", closeErrorShare: 0.3 }
  ]
  for (const options of variants) {
    it.live(`are pages to core: ${JSON.stringify(options)}`, () =>
      Effect.gen(function* () {
        const { world } = yield* Simulator
        const { text } = yield* list("?limit=100")
        const { pageSize, sessions } = yield* Schema.decodeUnknownEffect(SessionPage)(JSON.parse(text))
        assert.deepStrictEqual(
          sessions.map(({ id }): string => id),
          world.ids().slice(0, 100)
        )
        assert.strictEqual(pageSize, options.pageSizeField === "none" ? undefined : 100)
      }).pipe(withSimulator({ sessions: 300, ...options }))
    )
  }

  it.live("answer a page past the end as they were told to", () =>
    Effect.gen(function* () {
      const answer = (pastEnd: Variants["pastEnd"]) => list("?page=9").pipe(withSimulator({ sessions: 25, pastEnd }))
      assert.lengthOf(JSON.parse((yield* answer("empty")).text).sessions, 0)
      assert.strictEqual((yield* answer("error")).status, 400)
      assert.include(JSON.parse((yield* answer("clamp")).text), { page: 3, totalCount: 25 })
    })
  )
})

describe("churn", () => {
  it.live("changes the list with every request, in between total and rows when so told", () =>
    Effect.gen(function* () {
      const first = yield* bodyOf()
      assert.deepStrictEqual([first.totalCount, first.sessions.length], [5, 7])
      const second = yield* bodyOf()
      assert.deepStrictEqual([second.totalCount, second.sessions.length], [7, 9])
      const { mutations, total } = yield* (yield* Simulator).stats
      assert.deepStrictEqual(mutations, { started: 4, ended: 0, purged: 0, updated: 0 })
      assert.strictEqual(total, 9)
    }).pipe(withSimulator({ sessions: 5, churn: { start: 2 }, totalRead: "before" }))
  )

  it.live("changes the list by time, with no request at all", () =>
    until(({ mutations, requests }) => requests === 0 && mutations.started >= 3).pipe(
      withSimulator({ sessions: 5, churn: { start: 1 }, churnInterval: "5 millis" })
    )
  )

  it.live("leaves the list alone between two times, however many requests there are", () =>
    Effect.gen(function* () {
      yield* bodyOf()
      assert.strictEqual((yield* bodyOf()).totalCount, 5)
    }).pipe(withSimulator({ sessions: 5, churn: { start: 1 }, churnInterval: "1 hour" }))
  )

  it.live("can be changed while it runs, and the list by hand", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const ids = yield* simulator.mutate("start", 3)
      assert.deepStrictEqual(
        (yield* bodyOf()).sessions.slice(0, 3).map(({ id }) => id),
        ids.toReversed()
      )
      yield* simulator.setChurn({ purge: 1 })
      assert.strictEqual((yield* bodyOf()).totalCount, 7)
      yield* simulator.setChurn({})
      assert.strictEqual((yield* bodyOf()).totalCount, 7)
    }).pipe(withSimulator({ sessions: 5 }))
  )
})

describe("latency", () => {
  it.live("delays every answer, with every fault too", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      assert.isAtLeast((yield* list()).headAfter, 29)
      yield* simulator.setFaults({ script: [{ fault: "500" }] })
      assert.isAtLeast((yield* list()).headAfter, 29)
    }).pipe(withSimulator({ latency: { min: "30 millis", max: "35 millis" } }))
  )
})

describe("statistics", () => {
  it.live("count requests by page and by status, and are served to anybody when asked for", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* Effect.forEach(["", "?page=2", "?page=2", "?page=0"], list)
      yield* get(`${simulator.url}/api/sessions`)
      yield* ask("/nowhere")
      yield* simulator.mutate("end", 2)
      const expected = {
        requests: 6,
        byPage: { "1": 1, "2": 2 },
        byStatusCode: { "200": 3, "400": 1, "401": 1, "404": 1 },
        faults: {},
        inFlight: 0,
        maxInFlight: 1,
        aborted: 0,
        mutations: { started: 0, ended: 2, purged: 0, updated: 0 },
        total: 1000
      }
      assert.deepStrictEqual(yield* until(({ inFlight }) => inFlight === 0), expected)
      const { status, text } = yield* get(`${simulator.url}/__stats`)
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(JSON.parse(text), expected)
    }).pipe(withSimulator({ stats: true }))
  )

  it.live("know how many requests are in flight, and how many ever were at once", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.setFaults({ script: [{ fault: "hang" }] })
      const hung = yield* Effect.forkChild(Effect.forEach([1, 2, 3, 4, 5], () => list(), { concurrency: "unbounded" }))
      yield* until(({ inFlight, maxInFlight }) => inFlight === 5 && maxInFlight === 5)
      yield* Fiber.interrupt(hung)
      yield* until(({ aborted, inFlight }) => inFlight === 0 && aborted === 5)
      yield* simulator.setFaults({})
      yield* list()
      const { byStatusCode, maxInFlight } = yield* until(({ inFlight }) => inFlight === 0)
      assert.strictEqual(maxInFlight, 5)
      assert.deepStrictEqual(byStatusCode, { "200": 1 })
    }).pipe(withSimulator({}))
  )

  it.live("count an answer that the client did not wait for as aborted", () =>
    Effect.gen(function* () {
      yield* Effect.forEach([1, 2], () => Effect.timeoutOption(list(), "20 millis"))
      yield* until(({ aborted, inFlight }) => aborted === 2 && inFlight === 0)
    }).pipe(withSimulator({ latency: "10 seconds" }))
  )
})

describe("the end of a simulator", () => {
  it.live("comes at once, although requests hang and connections are kept alive, and frees the port", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        Simulator.layer({ faults: { script: [{ page: 2, fault: "hang" }] } }),
        scope
      )
      const { hung, kept, port, took } = yield* Effect.gen(function* () {
        const { apiKey, url } = yield* Simulator
        const answered = yield* Effect.promise(() => fetch(`${url}/api/sessions`, { headers: { "x-api-key": apiKey } }))
        yield* Effect.promise(() => answered.text())
        const waiting = yield* Effect.forkChild(list("?page=2"))
        yield* until(({ inFlight }) => inFlight === 1)
        const start = performance.now()
        yield* Scope.close(scope, Exit.void)
        return {
          took: performance.now() - start,
          hung: yield* Fiber.join(waiting),
          kept: answered.status,
          port: Number(new URL(url).port)
        }
      }).pipe(Effect.provideContext(context))
      assert.isBelow(took, 2000)
      assert.strictEqual(kept, 200)
      assert.isUndefined(hung.status)
      assert.strictEqual(hung.code, "ECONNRESET")
      yield* list().pipe(withSimulator({ port }))
    })
  )
})

describe("without Effect", () => {
  it("a simulator is started, read, changed and stopped", async () => {
    const simulator = await startSimulator({ sessions: 3 })
    const read = () => fetch(`${simulator.url}/api/sessions`, { headers: { "x-api-key": simulator.apiKey } })
    simulator.world.mutate("start")
    assert.include(await (await read()).json(), { totalCount: 4 })
    assert.include(simulator.stats(), { requests: 1, total: 4 })
    await simulator.stop()
    const rejected = await read().catch((error: unknown) => error)
    assert.instanceOf(rejected, Error)
  })

  it("a port that is taken is an error", async () => {
    const simulator = await startSimulator()
    const second = await startSimulator({ port: Number(new URL(simulator.url).port) }).catch((error: unknown) => error)
    assert.include(second, { _tag: "ServeError" })
    await simulator.stop()
  })
})

/**
 * Which requests fail, and what the client of a failing request gets to see.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Result } from "effect"
import {
  type FaultKind,
  faultKinds,
  type FaultPlan,
  makeFaults,
  parseFaultRates,
  parseFaultRule
} from "../src/Faults.ts"
import { Simulator } from "../src/Simulator.ts"
import { get } from "./rawRequest.ts"
import { until } from "./until.ts"

const list = (query = "") => Effect.flatMap(Simulator, ({ apiKey, url }) => get(`${url}/api/sessions${query}`, apiKey))

const failing = (fault: FaultKind, plan: FaultPlan = {}) =>
  Simulator.layer({ faults: { ...plan, script: [{ fault }] } })

describe("a script", () => {
  it("hits the n-th request for a page, and no other", () => {
    const faults = makeFaults({ script: [{ page: 7, nth: 3, fault: "reset" }] }, "seed")
    const pages = [7, 1, 7, 3, 3, 3, 7, 7, 1]
    assert.deepStrictEqual(
      pages.map((page) => faults.next({ page })),
      [undefined, undefined, undefined, undefined, undefined, undefined, "reset", undefined, undefined]
    )
  })

  it("knows ranges and filters, and its first line that fits decides", () => {
    const faults = makeFaults(
      {
        script: [
          { status: "active", nth: [2, 3], fault: "500" },
          { page: 1, nth: [4, Infinity], fault: "502" },
          { page: 2, fault: "503" }
        ]
      },
      "seed"
    )
    const seen = [1, 1, 2, 1, 1, 1].map((page) => faults.next({ page, status: "active" }))
    assert.deepStrictEqual(seen, [undefined, "500", "500", undefined, "502", "502"])
    assert.isUndefined(faults.next({ page: 3, status: "closed" }))
  })

  it("goes before the rates", () => {
    const faults = makeFaults({ rates: { html: 1 }, script: [{ nth: 2, fault: "slow" }] }, "seed")
    assert.deepStrictEqual(
      [1, 1, 1].map((page) => faults.next({ page })),
      ["html", "slow", "html"]
    )
  })
})

describe("rates", () => {
  const draws = (seed: string) => {
    const faults = makeFaults({ rates: { "429": 0.1, hang: 0.3 } }, seed)
    return Array.from({ length: 5000 }, () => faults.next({ page: 1 }))
  }

  it("are met, by the requests that the seed says", () => {
    const seen = draws("a")
    assert.closeTo(seen.filter((fault) => fault === "429").length / 5000, 0.1, 0.02)
    assert.closeTo(seen.filter((fault) => fault === "hang").length / 5000, 0.3, 0.03)
    assert.strictEqual(seen.filter((fault) => fault !== undefined && fault !== "429" && fault !== "hang").length, 0)
    assert.deepStrictEqual(draws("a"), seen)
    assert.notDeepEqual(draws("b"), seen)
  })
})

describe("the notation", () => {
  it("of a rule is read", () => {
    const read = (text: string) => Result.getOrThrow(parseFaultRule(text))
    assert.deepStrictEqual(read("page=7 nth=3 reset"), { page: 7, nth: 3, fault: "reset" })
    assert.deepStrictEqual(read("  429-date  status=close-error "), { status: "close-error", fault: "429-date" })
    assert.deepStrictEqual(read("nth=2..4 hang"), { nth: [2, 4], fault: "hang" })
    assert.deepStrictEqual(read("nth=2.. 500"), { nth: [2, Infinity], fault: "500" })
  })

  it("of rates is read", () => {
    assert.deepStrictEqual(Result.getOrThrow(parseFaultRates("429=0.05, reset=.5")), { "429": 0.05, reset: 0.5 })
    assert.isTrue(Result.isSuccess(parseFaultRates("500=0.1,502=0.2,503=0.7")))
  })

  const wrong = ["", "page=7", "explode", "page=0 500", "nth=4..2 500", "nth=0 500", "500 502", "page=1 page=2 500"]
  for (const text of [...wrong, "status=asleep 500", "page=7nth=3 500"]) {
    it(`of a rule is rejected with an example: "${text}"`, () => {
      assert.match(Result.getOrThrow(Result.flip(parseFaultRule(text))), /as in "page=7 nth=3 reset"$/)
    })
  }

  for (const text of [
    "",
    "429",
    "429=",
    "429=x",
    "429=1.5",
    "429=-1",
    "nope=0.1",
    "429=0.1,429=0.2",
    "500=0.6,502=0.6"
  ]) {
    it(`of rates is rejected with a way out: "${text}"`, () => {
      assert.match(Result.getOrThrow(Result.flip(parseFaultRates(text))), /; use |for example|give it once|lower them/)
    })
  }
})

describe("the client", () => {
  it.live("gets 429 with Retry-After in whole seconds", () =>
    Effect.gen(function* () {
      const { headers, status, text } = yield* list()
      assert.strictEqual(status, 429)
      assert.strictEqual(headers["retry-after"], "3")
      assert.isString(JSON.parse(text).message)
    }).pipe(Effect.provide(failing("429", { retryAfter: "2100 millis" })))
  )

  it.live("gets 429 with Retry-After as a date that lies so far ahead", () =>
    Effect.gen(function* () {
      const { headers, status } = yield* list()
      assert.strictEqual(status, 429)
      const date = String(headers["retry-after"])
      assert.strictEqual(new Date(date).toUTCString(), date)
      const ahead = Date.parse(date) - Date.now()
      assert.isTrue(ahead > 100_000 && ahead <= 121_000, String(ahead))
    }).pipe(Effect.provide(failing("429-date", { retryAfter: "2 minutes" })))
  )

  for (const fault of ["500", "502", "503"] as const) {
    it.live(`gets ${fault} with a message`, () =>
      Effect.gen(function* () {
        const { status, text } = yield* list()
        assert.strictEqual(String(status), fault)
        assert.isString(JSON.parse(text).message)
      }).pipe(Effect.provide(failing(fault)))
    )
  }

  it.live("meets a connection that is reset before an answer", () =>
    Effect.gen(function* () {
      const { code, status, syscall } = yield* list()
      assert.isUndefined(status)
      assert.deepStrictEqual([code, syscall], ["ECONNRESET", "read"])
      const { aborted, byStatusCode, faults } = yield* until(({ inFlight }) => inFlight === 0)
      assert.deepStrictEqual({ aborted, byStatusCode, faults }, { aborted: 0, byStatusCode: {}, faults: { reset: 1 } })
    }).pipe(Effect.provide(failing("reset")))
  )

  it.live("meets a body that ends before its announced length", () =>
    Effect.gen(function* () {
      const { code, complete, headers, status, text } = yield* list()
      assert.strictEqual(status, 200)
      assert.isFalse(complete)
      assert.strictEqual(code, "ECONNRESET")
      assert.isAbove(text.length, 0)
      assert.isBelow(text.length, Number(headers["content-length"]))
      assert.match(String(headers["content-type"]), /^application\/json/)
      assert.strictEqual((yield* until(({ inFlight }) => inFlight === 0)).aborted, 0)
    }).pipe(Effect.provide(failing("truncate")))
  )

  it.live("gets an HTML page as HTTP 200", () =>
    Effect.gen(function* () {
      const { headers, status, text } = yield* list()
      assert.strictEqual(status, 200)
      assert.match(String(headers["content-type"]), /^text\/html/)
      assert.match(text, /^<!doctype html>/)
    }).pipe(Effect.provide(failing("html")))
  )

  it.live("gets JSON that is no page", () =>
    Effect.gen(function* () {
      const { status, text } = yield* list()
      assert.strictEqual(status, 200)
      assert.isFalse(Array.isArray(JSON.parse(text).sessions))
    }).pipe(Effect.provide(failing("wrong-json")))
  )

  it.live("gets a whole body that is no JSON", () =>
    Effect.gen(function* () {
      const { complete, status, text } = yield* list()
      assert.deepStrictEqual([status, complete], [200, true])
      assert.throws(() => JSON.parse(text), SyntaxError)
    }).pipe(Effect.provide(failing("invalid-json")))
  )

  it.live("gets nothing at all as HTTP 200", () =>
    Effect.gen(function* () {
      const { complete, headers, status, text } = yield* list()
      assert.deepStrictEqual([status, complete, text], [200, true, ""])
      assert.strictEqual(headers["content-length"], "0")
    }).pipe(Effect.provide(failing("empty")))
  )

  it.live("waits in vain where the server hangs", () =>
    Effect.gen(function* () {
      assert.isTrue((yield* Effect.timeoutOption(list(), "150 millis"))._tag === "None")
    }).pipe(Effect.provide(failing("hang")))
  )

  it.live("gets the right answer slowly", () =>
    Effect.gen(function* () {
      const { world } = yield* Simulator
      const { complete, endAfter, headAfter, headers, text } = yield* list()
      assert.isTrue(complete)
      assert.isAtLeast(endAfter - headAfter, 150)
      assert.strictEqual(headers["content-length"], String(text.length))
      assert.deepStrictEqual(JSON.parse(text).sessions, world.slice(0, 10))
    }).pipe(Effect.provide(failing("slow", { slowBody: Duration.millis(250) })))
  )

  it.live("meets every fault with a request id, but for the one without an answer", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      for (const fault of faultKinds.filter((kind) => kind !== "hang" && kind !== "reset")) {
        yield* simulator.setFaults({ script: [{ fault }], slowBody: "10 millis" })
        assert.isDefined((yield* list()).headers["x-request-id"], fault)
      }
    }).pipe(Effect.provide(Simulator.layer()))
  )

  it.live("meets 'the 3rd request for page 7 resets', and a good answer to the 4th", () =>
    Effect.gen(function* () {
      const pages = [7, 6, 7, 7, 7]
      const seen = yield* Effect.forEach(pages, (page) => list(`?page=${page}`))
      assert.deepStrictEqual(
        seen.map(({ code, status }) => status ?? code),
        [200, 200, 200, "ECONNRESET", 200]
      )
      const { byPage } = yield* (yield* Simulator).stats
      assert.deepStrictEqual(byPage, { "6": 1, "7": 4 })
    }).pipe(
      Effect.provide(Simulator.layer({ faults: { script: [Result.getOrThrow(parseFaultRule("page=7 nth=3 reset"))] } }))
    )
  )

  it.live("does not use up a script with requests that are rejected", () =>
    Effect.gen(function* () {
      const { url } = yield* Simulator
      yield* get(`${url}/api/sessions`, "wrong")
      yield* list("?page=0")
      assert.strictEqual((yield* list()).status, 503)
    }).pipe(Effect.provide(Simulator.layer({ faults: { script: [{ nth: 1, fault: "503" }] } })))
  )
})

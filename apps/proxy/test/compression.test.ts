/**
 * Compressed answers over real sockets: pages, documents, and lists that are compressed as they flow.
 */
import { assert, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect, Fiber } from "effect"
import type { ServerResponse } from "node:http"
import { connect } from "node:net"
import { ask, codings, decoded, decoder, open, rest } from "./support/Coded.ts"
import { eventually, get, start } from "./support/Proxy.ts"
import { upstream } from "./support/Upstream.ts"

const row = (index: number, more: object = {}) => ({
  id: `session-${index}`,
  status: "closed",
  createdAt: "2026-01-01T00:00:00.000Z",
  ...more
})

const rows = (count: number, first = 0) => Array.from({ length: count }, (_, index) => row(first + index))

const pageOf = (sessions: ReadonlyArray<object>, more: object = {}) =>
  JSON.stringify({ sessions, totalCount: sessions.length, page: 1, perPage: 100, ...more })

/** An upstream whose answer is chosen by the query. */
const choosing = (answers: Readonly<Record<string, (response: ServerResponse) => void>>, asked: Array<string> = []) =>
  upstream(({ url = "" }, response) => {
    asked.push(url)
    const { searchParams } = new URL(url, "http://upstream")
    response.setHeader("content-type", "application/json")
    const answer = answers[searchParams.get("status") ?? ""]
    if (answer === undefined) response.writeHead(400).end(JSON.stringify({ message: "no such answer" }))
    else answer(response)
  })

const plain = pageOf(rows(100))
const long = ["--cache-fresh", "1h", "--rate", "0"]

it.live("sends a page in the coding that is preferred, with a tag, a length and a HEAD of its own", () =>
  Effect.gen(function* () {
    const asked: Array<string> = []
    const proxy = yield* start(yield* choosing({ closed: (response) => response.end(plain) }, asked), long)
    const page = (headers: Record<string, string>, method?: string) =>
      ask(`${proxy.url}/api/sessions?status=closed`, {
        headers: { ...proxy.auth, ...headers },
        ...(method === undefined ? {} : { method })
      })
    const uncoded = yield* page({})
    assert.strictEqual(uncoded.body.toString(), plain)
    assert.isUndefined(uncoded.headers["content-encoding"])
    const tags = new Set([uncoded.headers.etag])
    for (const coding of codings) {
      const { body, headers, status } = yield* page({ "accept-encoding": `${coding};q=0.5` })
      assert.deepStrictEqual([status, headers["content-encoding"]], [200, coding])
      assert.strictEqual(decoded(body, coding), plain)
      assert.isBelow(body.length, plain.length / 5)
      assert.strictEqual(headers["content-length"], String(body.length))
      assert.include(headers.vary ?? "", "accept-encoding")
      assert.match(headers.etag ?? "", /^"[^"\s]+"$/)
      tags.add(headers.etag)

      const head = yield* page({ "accept-encoding": coding }, "HEAD")
      assert.deepStrictEqual([head.status, head.body.length], [200, 0])
      for (const name of ["content-encoding", "content-length", "content-type", "etag", "vary", "cache-control"]) {
        assert.strictEqual(head.headers[name], headers[name], name)
      }

      const again = (tag: string | undefined, accept: string) =>
        page({ "accept-encoding": accept, "if-none-match": tag ?? "" })
      const unchanged = yield* again(headers.etag, coding)
      assert.deepStrictEqual(
        [unchanged.status, unchanged.body.length, unchanged.headers.etag, unchanged.headers.vary],
        [304, 0, headers.etag, headers.vary]
      )
      assert.strictEqual((yield* again(`"other", W/${headers.etag}`, coding)).status, 304)
      // It is the tag of other bytes.
      assert.strictEqual((yield* again(uncoded.headers.etag, coding)).status, 200)
      assert.strictEqual((yield* again(headers.etag, "identity")).status, 200)
      assert.strictEqual((yield* again("*", coding)).status, 304)
    }
    assert.strictEqual(tags.size, 4)
    // A part of a page is never sent, in whatever coding.
    const ranged = yield* page({ "accept-encoding": "gzip", range: "bytes=0-9" })
    assert.deepStrictEqual([ranged.status, decoded(ranged.body, "gzip")], [200, plain])
    // Several headers are one.
    const several = yield* ask(`${proxy.url}/api/sessions?status=closed`, {
      headers: { ...proxy.auth, "accept-encoding": ["deflate", "gzip;q=0.2", "br;q=0.1"] }
    })
    assert.strictEqual(several.headers["content-encoding"], "gzip")
    assert.lengthOf(asked, 1)
  }).pipe(Effect.scoped)
)

it.live("compresses a page once for each coding, counts the bytes as those of the cache, and keeps them", () =>
  Effect.gen(function* () {
    const proxy = yield* start(yield* choosing({ closed: (response) => response.end(plain) }), ["--rate", "0"])
    const bytes = Effect.map(get(`${proxy.adminUrl}/metrics`), ({ text }) =>
      Number(/^hb_sessions_proxy_cache_bytes (\d+)$/m.exec(text)?.[1])
    )
    const page = (coding: string, more = {}) =>
      ask(`${proxy.url}/api/sessions?status=closed`, {
        headers: { ...proxy.auth, "accept-encoding": coding, ...more }
      })
    yield* page("identity")
    let before = yield* bytes
    for (const coding of codings) {
      // All at once, and again later.
      const all = yield* Effect.forEach(Array.from({ length: 8 }), () => page(coding), { concurrency: 8 })
      for (const { body } of all) assert.deepStrictEqual(body, all[0]?.body)
      const after = yield* bytes
      const size = all[0]?.body.length ?? 0
      assert.isAtLeast(after - before, size)
      assert.isBelow(after - before, size + 1000)
      yield* page(coding)
      assert.strictEqual(yield* bytes, after)
      before = after
    }
    // The same page, fetched anew, keeps its forms.
    const { headers } = yield* page("br", { "cache-control": "no-cache" })
    assert.include(headers["cache-status"], "fwd=request")
    assert.strictEqual(yield* bytes, before)
  }).pipe(Effect.scoped)
)

it.live("does not compress what is small, unless the client excludes it as it is", () =>
  Effect.gen(function* () {
    const small = pageOf(rows(2))
    const proxy = yield* start(yield* choosing({ closed: (response) => response.end(small) }), long)
    const page = (accept: string) =>
      ask(`${proxy.url}/api/sessions?status=closed`, { headers: { ...proxy.auth, "accept-encoding": accept } })
    assert.isUndefined((yield* page("gzip, br, zstd")).headers["content-encoding"])
    for (const coding of codings) {
      const { body, headers } = yield* page(`${coding}, identity;q=0`)
      assert.strictEqual(headers["content-encoding"], coding)
      assert.strictEqual(decoded(body, coding), small)
    }
    for (const path of ["/api/sessions?status=closed", "/v1/sessions?status=closed", "/openapi.json"]) {
      const { body, headers, status } = yield* ask(proxy.url + path, {
        headers: { ...proxy.auth, "accept-encoding": "deflate, *;q=0" }
      })
      assert.deepStrictEqual([path, status, headers["content-type"]], [path, 406, "application/problem+json"])
      assert.include(JSON.parse(body.toString()).detail, "Accept-Encoding")
    }
  }).pipe(Effect.scoped)
)

it.live("compresses no page that holds a secret, and tells what is in front not to", () =>
  Effect.gen(function* () {
    const fixed = (response: ServerResponse) =>
      void response.setHeader("cache-control", "private, No-Transform").end(plain)
    const proxy = yield* start(
      yield* choosing({
        closed: (response) => response.end(pageOf(rows(100), { page: 1 })),
        active: (response) => response.end(pageOf([...rows(100), row(100, { liveUrl: "https://live/abc" })])),
        error: (response) => response.end(pageOf([...rows(100), row(100, { deep: [{ wsEndpoint: "wss://x" }] })])),
        none: (response) => response.end(pageOf([...rows(100), row(100, { token: null, liveUrl: "" })])),
        fixed
      }),
      long
    )
    const page = (query: string, more: Record<string, string> = {}) =>
      ask(`${proxy.url}/api/sessions?${query}`, { headers: { ...proxy.auth, "accept-encoding": "gzip", ...more } })
    const seen = (query: string, more?: Record<string, string>) =>
      Effect.map(page(query, more), ({ headers }) => [
        headers["content-encoding"],
        headers["cache-control"]?.includes("no-transform")
      ])
    assert.deepStrictEqual(yield* seen("status=closed"), ["gzip", false])
    assert.deepStrictEqual(yield* seen("status=none"), ["gzip", false])
    assert.deepStrictEqual(yield* seen("status=active"), [undefined, true])
    assert.deepStrictEqual(yield* seen("status=error"), [undefined, true])
    assert.deepStrictEqual(yield* seen("status=fixed"), [undefined, true])
    // The upstream may repeat what it does not know either.
    assert.deepStrictEqual(yield* seen("status=closed&guess=abc"), [undefined, true])
    assert.deepStrictEqual(yield* seen("status=closed", { "cache-control": "no-transform" }), [undefined, false])
    const none = yield* page("status=active", { "accept-encoding": "gzip, identity;q=0" })
    assert.strictEqual(none.status, 406)

    // Problems repeat the query.
    const problem = yield* ask(`${proxy.url}/v1/sessions?${"guess".repeat(300)}=1`, {
      headers: { ...proxy.auth, "accept-encoding": "gzip" }
    })
    assert.deepStrictEqual([problem.status, problem.headers["content-encoding"]], [400, undefined])
    assert.isAbove(problem.body.length, 1500)
    // Lists hold no secret.
    const list = yield* ask(`${proxy.url}/v1/sessions?status=active`, {
      headers: { ...proxy.auth, "accept-encoding": "gzip" }
    })
    assert.strictEqual(list.headers["content-encoding"], "gzip")
    assert.notInclude(decoded(list.body, "gzip"), "https://live")
    assert.isUndefined(
      (yield* ask(`${proxy.url}/v1/sessions?status=active`, {
        headers: { ...proxy.auth, "accept-encoding": "gzip", "cache-control": "no-transform" }
      })).headers["content-encoding"]
    )
  }).pipe(Effect.scoped)
)

it.live("compresses the documents", () =>
  Effect.gen(function* () {
    const proxy = yield* start(yield* choosing({}), long)
    for (const path of ["/docs", "/openapi.json"]) {
      const uncoded = yield* ask(proxy.url + path)
      for (const coding of codings) {
        const options = { headers: { "accept-encoding": coding } }
        const { body, headers } = yield* ask(proxy.url + path, options)
        assert.strictEqual(headers["content-encoding"], coding)
        assert.isBelow(body.length, uncoded.body.length / 2)
        assert.strictEqual(headers["content-length"], String(body.length))
        assert.strictEqual(decoded(body, coding), uncoded.body.toString())
        const again = { headers: { ...options.headers, "if-none-match": headers.etag ?? "" } }
        assert.strictEqual((yield* ask(proxy.url + path, again)).status, 304)
      }
    }
  }).pipe(Effect.scoped)
)

/** A list of two pages, of which the second waits until it is told what to become. */
const halfAList = Effect.gen(function* () {
  let second: ServerResponse | undefined
  let onSecond = () => {}
  const arrived = new Promise<void>((resolve) => (onSecond = resolve))
  const source = yield* upstream(({ url = "" }, response) => {
    const page = Number(new URL(url, "http://upstream").searchParams.get("page") ?? 1)
    response.setHeader("content-type", "application/json")
    if (page === 2 && second === undefined) {
      second = response
      return onSecond()
    }
    answer(response, page)
  })
  const answer = (response: ServerResponse, page: number) => {
    const sessions = page > 2 ? [] : rows(20, (page - 1) * 20)
    response.end(JSON.stringify({ sessions, totalCount: 40, page, perPage: 20 }))
  }
  return {
    source,
    arrived: Effect.promise(() => arrived),
    goOn: Effect.sync(() => second !== undefined && answer(second, 2)),
    fail: Effect.sync(() => second?.writeHead(500).end("{}"))
  }
})

const fastList = "/v1/sessions?consistency=fast"

for (const coding of codings) {
  it.live(`shows the lines of a slow list as they come, in ${coding}, and ends with trailers`, () =>
    Effect.gen(function* () {
      const { arrived, goOn, source } = yield* halfAList
      const proxy = yield* start(source)
      const response = yield* open(proxy.url + fastList, { headers: { ...proxy.auth, "accept-encoding": coding } })
      assert.strictEqual(response.headers["content-encoding"], coding)
      assert.isUndefined(response.headers["content-length"])
      let text = ""
      const lines = response.pipe(decoder(coding))
      const early = new Promise<void>((resolve) =>
        lines.on("data", (piece: Buffer) => {
          text += piece.toString()
          if (text.split("\n").length > 20) resolve()
        })
      )
      yield* arrived
      yield* Effect.promise(() => early)
      assert.notInclude(text, "session-20")
      yield* goOn
      yield* Effect.promise(() => new Promise((resolve) => lines.once("end", resolve)))
      const all = text.trimEnd().split("\n")
      assert.lengthOf(all, 41)
      assert.isDefined(JSON.parse(all.at(-1) ?? "").report)
      assert.strictEqual(response.trailers["hb-sessions-completeness"], "unproven; reason=fast")
    }).pipe(Effect.scoped)
  )

  it.live(`cuts a list that fails midway so that it has no end, in ${coding} either`, () =>
    Effect.gen(function* () {
      const { arrived, fail, source } = yield* halfAList
      const proxy = yield* start(source)
      const response = yield* open(proxy.url + fastList, { headers: { ...proxy.auth, "accept-encoding": coding } })
      const answer = yield* Effect.forkChild(rest(response), { startImmediately: true })
      yield* arrived
      yield* fail
      const { body, isComplete, trailers } = yield* Fiber.join(answer)
      assert.isFalse(isComplete)
      assert.isAbove(body.length, 0)
      assert.deepStrictEqual({ ...trailers }, {})
      assert.throws(() => decoded(body, coding))
    }).pipe(Effect.scoped)
  )
}

/** It takes seconds each, and is the same for all. */
const some = process.env["HB_SESSIONS_TEST_FULL"] === "1" ? codings : (["gzip"] as const)

it.live.each(some)("waits for a client that does not read, and reads no more pages meanwhile, in %s", (coding) =>
  Effect.gen(function* () {
    const simulator = yield* Simulator
    const proxy = yield* start(simulator, ["--client-timeout", "5s"])
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => connect(Number(new URL(proxy.url).port), "127.0.0.1").on("error", () => {})),
      (made) => Effect.sync(() => made.destroy())
    )
    socket.pause()
    socket.write(
      `GET /v1/sessions HTTP/1.1\r\nHost: a\r\nx-api-key: ${proxy.token}\r\naccept-encoding: ${coding}\r\n\r\n`
    )
    let before = -1
    for (let now = 0; now === 0 || now !== before;) {
      before = now
      yield* Effect.sleep("500 millis")
      now = (yield* simulator.stats).requests
    }
    assert.isBelow(before, 250)
    // A page in text and some pieces of it; all the rest is in the sockets.
    const waiting = yield* get(`${proxy.adminUrl}/metrics`)
    assert.isBelow(Number(/^hb_sessions_proxy_queued_bytes (\d+)$/m.exec(waiting.text)?.[1]), 1_000_000)
    yield* eventually(get(`${proxy.adminUrl}/metrics`), ({ text }) =>
      text.includes("hb_sessions_proxy_requests_in_flight 0")
    )
    const { text } = yield* get(`${proxy.adminUrl}/metrics`)
    assert.include(text, 'hb_sessions_proxy_connections_dropped{reason="idle"} 1\n')
    assert.include(text, "hb_sessions_proxy_queued_bytes 0\n")
  }).pipe(Effect.scoped, Effect.provide(Simulator.layer({ sessions: 200_000, pageSize: 500, seed: "coded" })))
)

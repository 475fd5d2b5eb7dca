/**
 * Whole lists, single sessions and sums, beyond what the vendor serves.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { once } from "node:events"
import { createServer, get as httpGet } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { eventually, get, raw, Shared, shared, start } from "./support/Proxy.ts"
import timeTexts from "../../../packages/core/test/fixtures/times.json" with { type: "json" }

const SESSIONS = 230

layer(shared({ sessions: SESSIONS, seed: "v1", extraFields: true }), { excludeTestServices: true })("/v1", (it) => {
  it.effect("streams every session once as NDJSON, the report last", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const proxy = yield* Shared
      const { headers, status, text } = yield* get(`${proxy.url}/v1/sessions`, { headers: proxy.auth })
      assert.strictEqual(status, 200)
      assert.strictEqual(headers.get("content-type"), "application/x-ndjson")
      assert.strictEqual(headers.get("cache-control"), "no-store")
      const lines = text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
      const { report } = lines.pop()
      assert.deepStrictEqual(lines.map(({ id }) => id).toSorted(), [...simulator.world.ids()].toSorted())
      assert.isDefined(lines[0].notInAnySdk)
      assert.strictEqual(report.completeness.status, "proven")
      assert.strictEqual(report.emittedRows, SESSIONS)
    }).pipe(Effect.scoped)
  )

  it.effect("chooses the format by suffix and by Accept", () =>
    Effect.gen(function* () {
      const proxy = yield* Shared
      const type = (path: string, accept?: string) =>
        Effect.map(
          get(proxy.url + path, {
            method: "HEAD",
            headers: { ...proxy.auth, ...(accept === undefined ? {} : { accept }) }
          }),
          ({ headers, status }) => [status, headers.get("content-type")?.split(";")[0]]
        )
      assert.deepStrictEqual(yield* type("/v1/sessions.csv", "application/json"), [200, "text/csv"])
      assert.deepStrictEqual(yield* type("/v1/sessions.ndjson"), [200, "application/x-ndjson"])
      assert.deepStrictEqual(yield* type("/v1/sessions.json"), [200, "application/json"])
      assert.deepStrictEqual(yield* type("/v1/sessions", "*/*"), [200, "application/x-ndjson"])
      assert.deepStrictEqual(yield* type("/v1/sessions", "text/csv"), [200, "text/csv"])
      assert.deepStrictEqual(yield* type("/v1/sessions", "text/*;q=0.2, application/json;q=0.1"), [200, "text/csv"])
      assert.deepStrictEqual(yield* type("/v1/sessions", "text/csv;q=0, application/json"), [200, "application/json"])
      assert.deepStrictEqual(yield* type("/v1/sessions?columns=id", "*/*"), [200, "text/csv"])
      assert.deepStrictEqual(yield* type("/v1/sessions?columns=id", "application/json"), [
        400,
        "application/problem+json"
      ])
      assert.deepStrictEqual(yield* type("/v1/sessions", "text/html"), [406, "application/problem+json"])
    }).pipe(Effect.scoped)
  )

  it.effect("writes CSV with the columns that are asked for", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const proxy = yield* Shared
      const { text } = yield* get(`${proxy.url}/v1/sessions.csv?columns=id,status&status=closed`, {
        headers: proxy.auth
      })
      const [header, ...rows] = text.trimEnd().split("\r\n")
      assert.strictEqual(header, "id,status")
      assert.deepStrictEqual(
        rows.toSorted(),
        simulator.world
          .ids("closed")
          .map((id) => `${id},closed`)
          .toSorted()
      )
    }).pipe(Effect.scoped)
  )

  it.effect("writes JSON that is one document, also of nothing", () =>
    Effect.gen(function* () {
      const proxy = yield* Shared
      const all = JSON.parse((yield* get(`${proxy.url}/v1/sessions.json`, { headers: proxy.auth })).text)
      assert.lengthOf(all.sessions, SESSIONS)
      assert.strictEqual(all.report.emittedRows, SESSIONS)
      const none = yield* get(`${proxy.url}/v1/sessions.json?since=2100-01-01T00:00:00Z`, { headers: proxy.auth })
      assert.deepStrictEqual(JSON.parse(none.text).sessions, [])
    }).pipe(Effect.scoped)
  )

  it.effect("reads by time and with the consistency that is asked for", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const proxy = yield* Shared
      const times = simulator.world.slice(0, SESSIONS).map(({ createdAt }) => createdAt ?? "")
      const since = times.toSorted()[100] ?? ""
      const { text } = yield* get(`${proxy.url}/v1/sessions.json?consistency=fast&since=${since}`, {
        headers: proxy.auth
      })
      const { report, sessions } = JSON.parse(text)
      assert.strictEqual(sessions.length, times.filter((time) => time >= since).length)
      assert.strictEqual(report.consistency, "fast")
    }).pipe(Effect.scoped)
  )

  it.effect("finds one session, summarizes all, and caches both for a moment", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const proxy = yield* start(simulator, ["--cache-fresh", "1m"])
      const id = simulator.world.ids()[150] ?? ""
      const one = yield* get(`${proxy.url}/v1/sessions/${id}`, { headers: proxy.auth })
      assert.strictEqual(JSON.parse(one.text).id, id)
      const missing = yield* get(`${proxy.url}/v1/sessions/00000000-0000-4000-8000-000000000000`, {
        headers: proxy.auth
      })
      assert.strictEqual(missing.status, 404)
      assert.include(JSON.parse(missing.text).message, "there is no such session")
      const stats = yield* get(`${proxy.url}/v1/stats?status=closed`, { headers: proxy.auth })
      const body = JSON.parse(stats.text)
      assert.strictEqual(body.stats.sessions, simulator.world.total("closed"))
      assert.isString(body.report.completeness.status)
      const { requests } = yield* simulator.stats
      const again = yield* get(`${proxy.url}/v1/stats?status=closed`, {
        // `fetch` itself adds `no-cache` to `If-None-Match`, unless something else is said.
        headers: { ...proxy.auth, "if-none-match": stats.headers.get("etag") ?? "", "cache-control": "max-stale" }
      })
      assert.deepStrictEqual([again.status, again.text], [304, ""])
      assert.strictEqual((yield* simulator.stats).requests, requests)
    }).pipe(Effect.scoped)
  )

  it.effect("rejects parameters that it does not know, and values that do not fit", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const proxy = yield* Shared
      const { requests } = yield* simulator.stats
      for (const [path, parameter] of [
        ["/v1/sessions?page=1", "page"],
        ["/v1/sessions?since=2026-01-31&until=2026-01-30", "until"],
        ["/v1/stats?since=2026-01-31&until=2026-01-31T00:00Z", "until"],
        ["/v1/sessions?consistency=maybe", "consistency"],
        ["/v1/sessions?status=a&status=b", "status"],
        ["/v1/sessions?status=", "status"],
        ["/v1/sessions?status=a,,b", "status"],
        ["/v1/sessions.csv?columns=id,token", "columns"],
        ["/v1/sessions.csv?columns=", "columns"],
        ["/v1/sessions.ndjson?columns=id", "columns"],
        ["/v1/stats?columns=id", "columns"],
        ["/v1/stats?__proto__=1", "__proto__"],
        ["/v1/sessions/abc?x=1", "x"]
      ]) {
        const { status, text } = yield* get(proxy.url + path, { headers: proxy.auth })
        assert.deepStrictEqual([path, status, JSON.parse(text).parameter], [path, 400, parameter])
      }
      assert.strictEqual((yield* simulator.stats).requests, requests)
    }).pipe(Effect.scoped)
  )

  it.effect("rejects times that are hardly meant, with the reason, before it asks", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const proxy = yield* Shared
      const { requests } = yield* simulator.stats
      for (const [time = "", reason = ""] of timeTexts.rejected) {
        for (const [route, name] of [
          ["/v1/sessions", "since"],
          ["/v1/stats", "until"]
        ] as const) {
          const url = `${proxy.url}${route}?${new URLSearchParams({ [name]: time }).toString()}`
          const { status, text } = yield* get(url, { headers: proxy.auth })
          const { detail, parameter } = JSON.parse(text)
          assert.deepStrictEqual([time, status, parameter], [time, 400, name])
          assert.include(detail, reason)
          assert.include(detail, "epoch milliseconds")
        }
      }
      assert.strictEqual((yield* simulator.stats).requests, requests)
      const again = new URLSearchParams({ since: "1971-01-01T00:00Z", until: "31532400000" }).toString()
      assert.strictEqual((yield* get(`${proxy.url}/v1/stats?${again}`, { headers: proxy.auth })).status, 400)
      const old = new URLSearchParams({ since: "1971-01-01T00:00+01:00", until: "1769851800000" }).toString()
      assert.strictEqual((yield* get(`${proxy.url}/v1/stats?${old}`, { headers: proxy.auth })).status, 200)
    }).pipe(Effect.scoped)
  )

  it.effect("has a status for a failure on the first page, and cuts the connection for one on a later page", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const proxy = yield* Shared
      yield* simulator.setFaults({ script: [{ fault: "503" }] })
      const first = yield* get(`${proxy.url}/v1/sessions`, { headers: proxy.auth })
      assert.strictEqual(first.status, 502)
      assert.isString(JSON.parse(first.text).message)
      yield* simulator.setFaults({ script: [{ fault: "500", page: 9 }] })
      const cut = yield* Effect.promise(async () => {
        const response = await fetch(`${proxy.url}/v1/sessions`, { headers: proxy.auth })
        const text = await response.text().catch(() => "cut")
        return [response.status, text]
      })
      assert.deepStrictEqual(cut, [200, "cut"])
      yield* simulator.setFaults({ script: [{ fault: "500", page: 9 }] })
      // To HTTP/1.0, which nginx speaks to what it is in front of, the end of the connection is the end of the body.
      const old = yield* Effect.promise(
        () =>
          new Promise<string>((resolve) => {
            const socket = connect(Number(new URL(proxy.url).port), "127.0.0.1")
            socket.on("data", () => {}).on("end", () => resolve("complete"))
            socket.on("error", (error: Error & { code?: string }) => resolve(error.code ?? ""))
            socket.write(`GET /v1/sessions.csv HTTP/1.0\r\nx-api-key: ${proxy.token}\r\n\r\n`)
          })
      )
      assert.strictEqual(old, "ECONNRESET")
      yield* simulator.setFaults({})
    }).pipe(Effect.scoped)
  )

  it.effect("writes keys outside the contract as columns, by path and with *, but no secret", () =>
    Effect.gen(function* () {
      const first = { id: "a", status: "closed", sessionUrl: "https://x", more: { deep: 1, apiKey: "SECRET" } }
      const sessions: ReadonlyArray<object> = [
        { ...first, token: "SECRET" },
        ...Array.from({ length: 998 }, (_, index) => ({ id: `b${index}`, status: "closed" })),
        { id: "c", status: "active", onlyActive: 1 },
        { id: "d", status: "closed", "late é": true }
      ]
      const upstream = createServer(({ url = "" }, response) => {
        const page = Number(new URL(url, "http://x").searchParams.get("page") ?? 1)
        const body = { sessions: sessions.slice((page - 1) * 100, page * 100), totalCount: 1001, page, pageSize: 100 }
        response.setHeader("content-type", "application/json").end(JSON.stringify(body))
      }).listen(0, "127.0.0.1")
      yield* Effect.addFinalizer(() => Effect.sync(() => upstream.close().closeAllConnections()))
      yield* Effect.promise(() => once(upstream, "listening"))
      const { port } = upstream.address() as AddressInfo
      const proxy = yield* start({ apiKey: "key", url: `http://127.0.0.1:${port}` })
      const read = (columns: string) =>
        Effect.promise(
          () =>
            new Promise<readonly [ReadonlyArray<string>, NodeJS.Dict<string>]>((resolve) => {
              httpGet(`${proxy.url}/v1/sessions.csv?columns=${columns}`, { headers: proxy.auth }, (response) => {
                let text = ""
                response.setEncoding("utf8").on("data", (piece: string) => (text += piece))
                response.on("end", () => resolve([text.split("\r\n"), response.trailers]))
              })
            })
        )
      const [named, none] = yield* read("id,sessionUrl,more,more.deep")
      assert.deepStrictEqual(named.slice(0, 3), [
        "id,sessionUrl,more,more.deep",
        'a,https://x,"{""deep"":1}",1',
        "b0,,,"
      ])
      assert.notProperty(none, "hb-sessions-columns")
      const [typo, empty] = yield* read("id,stauts")
      assert.deepStrictEqual([typo[1], empty["hb-sessions-columns"]], ["a,", 'empty=(%"stauts")'])
      const [all, leftOut] = yield* read("id,*")
      assert.isTrue(all[0]?.endsWith(",more.deep,onlyActive,sessionUrl"), all[0])
      assert.notInclude(all.join(), "SECRET")
      assert.strictEqual(all.length, 1003)
      assert.strictEqual(leftOut["hb-sessions-columns"], 'left-out=(%"late%20%c3%a9")')
    }).pipe(Effect.scoped)
  )

  it.effect("tells behind the body, CSV included, whether it is complete, unless the client speaks HTTP/1.0", () =>
    Effect.gen(function* () {
      const proxy = yield* Shared
      const trailers = (path: string) =>
        Effect.promise(
          () =>
            new Promise<readonly [string | undefined, NodeJS.Dict<string>]>((resolve) => {
              httpGet(proxy.url + path, { headers: proxy.auth }, (response) => {
                response.resume()
                response.on("end", () => resolve([response.headers.trailer, response.trailers]))
              })
            })
        )
      for (const [path, claim] of [
        ["/v1/sessions.csv", /^proven; certificate=(?:moment|count)$/],
        ["/v1/sessions.ndjson", /^proven; /],
        ["/v1/sessions.json", /^proven; /],
        ["/v1/sessions.csv?consistency=fast", /^unproven; reason=fast$/]
      ] as const) {
        const [declared, sent] = yield* trailers(path)
        assert.strictEqual(declared, "hb-sessions-completeness")
        assert.match(sent["hb-sessions-completeness"] ?? "", claim)
      }
      const request = `GET /v1/sessions.csv?columns=id HTTP/1.0\r\nx-api-key: ${proxy.token}\r\n\r\n`
      const { closed, text } = yield* raw(proxy.url, request, 3000)
      assert.isTrue(closed)
      assert.notInclude(text.toLowerCase(), "trailer")
      assert.strictEqual(
        text
          .slice(text.indexOf("\r\n\r\n") + 4)
          .trimEnd()
          .split("\r\n").length,
        SESSIONS + 1
      )
    }).pipe(Effect.scoped)
  )

  it.effect("stops asking the upstream when the client does not read, and when it goes away", () =>
    Effect.gen(function* () {
      const large = yield* Simulator
      const proxy = yield* start(large, ["--read-concurrency", "2"])
      const { requests } = yield* large.stats
      const socket = yield* Effect.acquireRelease(
        Effect.sync(() => connect(Number(new URL(proxy.url).port), "127.0.0.1")),
        (made) => Effect.sync(() => made.destroy())
      )
      socket.pause()
      yield* large.setFaults({ rates: { slow: 1 }, slowBody: "400 millis" })
      socket.write(`GET /v1/sessions HTTP/1.1\r\nHost: a\r\nx-api-key: ${proxy.token}\r\n\r\n`)
      yield* eventually(large.stats, (stats) => stats.requests > requests)
      socket.destroy()
      yield* eventually(large.stats, (stats) => stats.inFlight === 0)
      const after = (yield* large.stats).requests
      yield* Effect.sleep("600 millis")
      assert.strictEqual((yield* large.stats).requests, after)
      assert.isBelow(after - requests, 23)
      assert.isAtLeast((yield* large.stats).aborted, 1)
      yield* large.setFaults({})
    }).pipe(Effect.scoped)
  )
})

layer(Simulator.layer({ sessions: 20_000, pageSize: 500, seed: "backpressure" }), { excludeTestServices: true })(
  "/v1 and a client that does not read",
  (it) => {
    it.effect("waits for it, and reads no more pages meanwhile", () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const proxy = yield* start(simulator, ["--client-timeout", "2s"])
        const socket = yield* Effect.acquireRelease(
          Effect.sync(() => connect(Number(new URL(proxy.url).port), "127.0.0.1").on("error", () => {})),
          (made) => Effect.sync(() => made.destroy())
        )
        socket.pause()
        socket.write(`GET /v1/sessions HTTP/1.1\r\nHost: a\r\nx-api-key: ${proxy.token}\r\n\r\n`)
        // It comes to rest long before the end of the list, which takes more requests.
        let before = -1
        for (let now = 0; now === 0 || now !== before;) {
          before = now
          yield* Effect.sleep("500 millis")
          now = (yield* simulator.stats).requests
        }
        assert.isBelow(before, 40)
        // No request waits for ever: the silent connection is cut, and its stream ends.
        yield* eventually(get(`${proxy.adminUrl}/metrics`), ({ text }) =>
          text.includes("hb_sessions_proxy_requests_in_flight 0")
        )
        const { text } = yield* get(`${proxy.adminUrl}/metrics`)
        assert.include(text, 'hb_sessions_proxy_connections_dropped{reason="idle"} 1\n')
      }).pipe(Effect.scoped)
    )
  }
)

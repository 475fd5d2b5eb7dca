/**
 * The built `hb-sessions-proxy serve` as a process between real clients and a real upstream.
 */
import { Hyperbrowser } from "@hyperbrowser/sdk"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { get, Shared, shared, start } from "./support/Proxy.ts"

const KEY = "hb_canary_proxy_31"

/** A server of this process as the upstream. */
const upstream = (answer: (request: IncomingMessage, response: ServerResponse) => void) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = createServer(answer).listen(0, "127.0.0.1")
      await once(server, "listening")
      return server
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  ).pipe(Effect.map((server) => ({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, apiKey: KEY })))

layer(shared({ sessions: 57, apiKey: KEY, seed: "proxy", extraFields: true }), { excludeTestServices: true })(
  "in front of the simulator",
  (it) => {
    it.effect("answers with the upstream's bytes, unknown fields included", () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const proxy = yield* Shared
        for (const query of ["", "?page=2", "?page=1&status=closed", "?limit=7&page=3"]) {
          const direct = yield* get(`${simulator.url}/api/sessions${query}`, { headers: { "x-api-key": KEY } })
          const proxied = yield* get(`${proxy.url}/api/sessions${query}`, {
            headers: { authorization: `bearer ${proxy.token}` }
          })
          assert.strictEqual(proxied.status, 200)
          assert.strictEqual(proxied.text, direct.text)
          assert.include(proxied.text, "notInAnySdk")
          assert.match(proxied.headers.get("content-type") ?? "", /^application\/json/)
        }
      }).pipe(Effect.scoped)
    )

    it.effect("serves the vendor's SDK, which shows the text of errors", () =>
      Effect.gen(function* () {
        const proxy = yield* Shared
        const sdk = new Hyperbrowser({ apiKey: proxy.token, baseUrl: proxy.url })
        const page = yield* Effect.promise(() => sdk.sessions.list({ page: 2 }))
        assert.lengthOf(page.sessions, 10)
        assert.strictEqual(page.totalCount, 57)
        assert.strictEqual(page.page, 2)
        const closed = yield* Effect.promise(() => sdk.sessions.list({ status: "closed" }))
        for (const session of closed.sessions) assert.strictEqual(session.status, "closed")
        const stranger = new Hyperbrowser({ apiKey: "wrong", baseUrl: proxy.url })
        const rejected = yield* Effect.promise(() => stranger.sessions.list().catch((error: unknown) => String(error)))
        assert.include(rejected, "send a valid token of this proxy")
        const wrong = yield* Effect.promise(() =>
          sdk.sessions.list({ page: -1 }).catch((error: unknown) => String(error))
        )
        assert.include(wrong, "Invalid query parameter page")
      }).pipe(Effect.scoped)
    )

    it.effect("rejects parameters that do not fit the contract, and names them", () =>
      Effect.gen(function* () {
        const proxy = yield* Shared
        const before = (yield* (yield* Simulator).stats).requests
        for (const [query, parameter] of [
          ["page=0", "page"],
          ["page=-1", "page"],
          ["page=two", "page"],
          ["page=1.5", "page"],
          ["page=", "page"],
          ["page=1&page=2", "page"],
          ["page=99999999999999999999", "page"],
          ["limit=0", "limit"],
          ["limit=NaN", "limit"],
          ["limit=Infinity", "limit"],
          ["status=", "status"]
        ]) {
          const { headers, status, text } = yield* get(`${proxy.url}/api/sessions?${query}`, { headers: proxy.auth })
          assert.strictEqual(status, 400, query)
          assert.strictEqual(headers.get("content-type"), "application/problem+json")
          const problem = JSON.parse(text)
          assert.strictEqual(problem.parameter, parameter)
          assert.include(problem.message, parameter)
          assert.strictEqual(problem.status, 400)
          assert.strictEqual(problem.requestId, headers.get("x-request-id"))
        }
        assert.strictEqual((yield* (yield* Simulator).stats).requests, before)
      }).pipe(Effect.scoped)
    )

    it.effect("answers elsewhere with 404, other methods with 405 and what is allowed, OPTIONS with 204", () =>
      Effect.gen(function* () {
        const proxy = yield* Shared
        const missing = yield* get(`${proxy.url}/api/other`)
        assert.strictEqual(missing.status, 404)
        assert.isString(JSON.parse(missing.text).message)
        for (const method of ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"]) {
          const { headers, status, text } = yield* get(`${proxy.url}/api/sessions`, { method, headers: proxy.auth })
          assert.strictEqual(status, 405, method)
          assert.strictEqual(headers.get("allow"), "GET, HEAD, OPTIONS")
          assert.isString(JSON.parse(text).message)
        }
        const options = yield* get(`${proxy.url}/v1/sessions`, { method: "OPTIONS" })
        assert.deepStrictEqual([options.status, options.headers.get("allow")], [204, "GET, HEAD, OPTIONS"])
        const head = yield* get(`${proxy.url}/api/sessions`, { method: "HEAD", headers: proxy.auth })
        const full = yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })
        assert.deepStrictEqual([head.status, head.text], [200, ""])
        for (const name of ["content-length", "etag", "content-type", "link"]) {
          assert.strictEqual(head.headers.get(name), full.headers.get(name))
        }
      }).pipe(Effect.scoped)
    )

    it.effect("links the pages", () =>
      Effect.gen(function* () {
        const proxy = yield* Shared
        const seen: Array<string> = []
        let next: string | undefined = "/api/sessions?status=closed"
        while (next !== undefined) {
          const { headers, text }: { headers: Headers; text: string } = yield* get(proxy.url + next, {
            headers: proxy.auth
          })
          seen.push(...JSON.parse(text).sessions.map((session: { id: string }) => session.id))
          next = /<([^>]+)>; rel="next"/.exec(headers.get("link") ?? "")?.[1]
        }
        assert.strictEqual(new Set(seen).size, seen.length)
        const { text } = yield* get(`${proxy.url}/api/sessions?status=closed`, { headers: proxy.auth })
        assert.strictEqual(seen.length, JSON.parse(text).totalCount)
        const last = yield* get(`${proxy.url}/api/sessions?page=6`, { headers: proxy.auth })
        assert.strictEqual(
          last.headers.get("link"),
          '</api/sessions?page=1>; rel="first", </api/sessions?page=5>; rel="prev", </api/sessions?page=6>; rel="last"'
        )
      }).pipe(Effect.scoped)
    )

    it.effect("takes no query that is too long, and leaves out links that would repeat a long one", () =>
      Effect.gen(function* () {
        const proxy = yield* Shared
        const { requests } = yield* (yield* Simulator).stats
        // A whole list may be asked for with the token of its first part.
        const limits = {
          "/api/sessions": 2048,
          "/v1/sessions": 4096,
          "/v1/stats": 2048,
          "/v1/sessions/a": 2048,
          "/docs": 2048
        }
        for (const [path, limit] of Object.entries(limits)) {
          const url = `${proxy.url}${path}?x=${"a".repeat(limit - 1)}`
          const { status, text } = yield* get(url, { headers: proxy.auth })
          const { detail, type } = JSON.parse(text)
          assert.deepStrictEqual([path, status, type], [path, 414, "urn:hb-sessions-proxy:problem:uri-too-long"])
          assert.include(detail, `has ${limit + 1} characters; the limit is ${limit}`)
        }
        assert.strictEqual((yield* (yield* Simulator).stats).requests, requests)
        const headerBytes = (headers: Headers) => [...headers].join("\r\n").length
        for (const [query, hasLink] of [
          [`x=${"a".repeat(400)}`, true],
          [`x=${"a".repeat(700)}`, false],
          // Three times as long when it is encoded.
          [`x=${"(".repeat(300)}`, false]
        ] as const) {
          const url = `${proxy.url}/api/sessions?page=2&${query}`
          const { headers, status } = yield* get(url, { headers: proxy.auth })
          assert.deepStrictEqual([query, status, headers.has("link")], [query, 200, hasLink])
          assert.isBelow(headerBytes(headers), 3000)
        }
        const longest = yield* get(`${proxy.url}/api/sessions?x=${"a".repeat(2046)}`, { headers: proxy.auth })
        assert.deepStrictEqual([longest.status, longest.headers.has("link")], [200, false])
      }).pipe(Effect.scoped)
    )

    it.effect("lets in pages of the configured origins only", () =>
      Effect.gen(function* () {
        const proxy = yield* start(yield* Simulator, ["--cors-origins", "https://app.example,http://localhost:3000"])
        const ask = (origin: string, method = "GET") =>
          get(`${proxy.url}/api/sessions`, {
            method,
            headers: { ...proxy.auth, origin, "access-control-request-method": "GET" }
          })
        const good = yield* ask("https://app.example")
        assert.strictEqual(good.headers.get("access-control-allow-origin"), "https://app.example")
        assert.include(good.headers.get("vary") ?? "", "origin")
        const preflight = yield* ask("http://localhost:3000", "OPTIONS")
        assert.strictEqual(preflight.status, 204)
        assert.include(preflight.headers.get("access-control-allow-headers") ?? "", "x-api-key")
        for (const origin of ["https://evil.example", "null", "https://app.example.evil.example"]) {
          assert.isNull((yield* ask(origin)).headers.get("access-control-allow-origin"))
          assert.isNull((yield* ask(origin, "OPTIONS")).headers.get("access-control-allow-methods"))
        }
      }).pipe(Effect.scoped)
    )
  }
)

describe("the upstream", () => {
  it.live("may answer without an end: the body is cut at its bound, and the client learns why", () =>
    Effect.gen(function* () {
      let requests = 0
      const piece = Buffer.alloc(64 * 1024, " ")
      const proxy = yield* start(
        yield* upstream((_, response) => {
          requests += 1
          const write = () => {
            while (!response.destroyed && response.write(piece)) continue
            if (!response.destroyed) response.once("drain", write)
          }
          write()
        }),
        ["--max-body-bytes", "1m"]
      )
      const { status, text } = yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })
      const { detail, type } = JSON.parse(text)
      assert.strictEqual(status, 502)
      assert.match(type, /upstream-invalid$/)
      assert.match(detail, /the body is larger than 1048576 bytes/)
      assert.strictEqual(requests, 1)
    }).pipe(Effect.scoped)
  )

  it.live("is said to have failed as often as it was asked", () =>
    Effect.gen(function* () {
      let requests = 0
      const proxy = yield* start(
        yield* upstream((_, response) => {
          requests += 1
          response.writeHead(503).end()
        }),
        ["--retries", "2"]
      )
      const { text } = yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })
      assert.strictEqual(requests, 3)
      assert.match(JSON.parse(text).detail, /\(HTTP 503\) after 3 attempts/)
    }).pipe(Effect.scoped)
  )

  it.live("is asked once where its port speaks another protocol, and the client is told why", () =>
    Effect.gen(function* () {
      const plain = yield* upstream((_, response) => response.end("{}"))
      const proxy = yield* start({ ...plain, url: plain.url.replace("http:", "https:") })
      const { status, text } = yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })
      assert.strictEqual(status, 502)
      assert.match(JSON.parse(text).detail, /after 1 attempt: the port speaks another protocol/)
    }).pipe(Effect.scoped)
  )

  it.live("may send what grants access to a browser: no list and no session of /v1 passes it on", () =>
    Effect.gen(function* () {
      const secrets = { token: "SECRET", liveUrl: "SECRET", launchState: { proxyServerPassword: "SECRET" } }
      const sessions = [{ id: "a", ...secrets, tabs: [{ wsEndpoint: "SECRET" }] }]
      const body = JSON.stringify({ sessions, totalCount: 1, page: 1, pageSize: 10 })
      const proxy = yield* start(yield* upstream((_, response) => response.end(body)))
      for (const path of ["/v1/sessions.ndjson", "/v1/sessions.json", "/v1/sessions.csv", "/v1/sessions/a"]) {
        const { status, text } = yield* get(proxy.url + path, { headers: proxy.auth })
        assert.strictEqual(status, 200)
        assert.include(text, "a")
        assert.notInclude(text, "SECRET", path)
      }
    }).pipe(Effect.scoped)
  )

  it.live("gets the key, a request id, parameters that the proxy does not know, and nothing else of the client's", () =>
    Effect.gen(function* () {
      const seen: Array<{ url: string | undefined; headers: IncomingMessage["headers"] }> = []
      const proxy = yield* start(
        yield* upstream((request, response) => {
          seen.push({ url: request.url, headers: request.headers })
          response.writeHead(200, { "x-request-id": "up-1" }).end('{"sessions":[]}')
        })
      )
      const { headers } = yield* get(`${proxy.url}/api/sessions?team=a&page=2&team=b%20c&x=`, {
        headers: {
          ...proxy.auth,
          "x-request-id": "mine-7",
          cookie: "a=b",
          "x-forwarded-for": "1.2.3.4",
          "accept-language": "en",
          traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        }
      })
      assert.strictEqual(headers.get("x-request-id"), "mine-7")
      assert.strictEqual(headers.get("x-upstream-request-id"), "up-1")
      const [only] = seen
      assert.deepStrictEqual(Object.keys(only?.headers ?? {}).toSorted(), [
        "accept",
        "connection",
        "host",
        "user-agent",
        "x-api-key",
        "x-request-id"
      ])
      assert.strictEqual(only?.headers["x-api-key"], KEY)
      assert.strictEqual(only?.headers["x-request-id"], "mine-7")
      const { searchParams } = new URL(only?.url ?? "", "http://upstream")
      assert.deepStrictEqual(searchParams.getAll("team"), ["a", "b c"])
      assert.deepStrictEqual([searchParams.get("page"), searchParams.get("x")], ["2", ""])
    }).pipe(Effect.scoped)
  )

  it.live("gets an id of the proxy's where the client's is not one", () =>
    Effect.gen(function* () {
      const proxy = yield* start(yield* upstream((_, response) => response.end('{"sessions":[]}')))
      const { headers } = yield* get(`${proxy.url}/api/sessions`, {
        headers: { ...proxy.auth, "x-request-id": "a b{}" }
      })
      assert.match(headers.get("x-request-id") ?? "", /^[0-9a-f]{12}-1$/)
    }).pipe(Effect.scoped)
  )

  it.live("may leave the contract, which is counted, and is rejected if the proxy is strict", () =>
    Effect.gen(function* () {
      const body = '{"sessions":[{"id":7}],"more":1}'
      const odd = yield* upstream((_, response) => response.end(body))
      const tolerant = yield* start(odd)
      const passed = yield* get(`${tolerant.url}/api/sessions`, { headers: tolerant.auth })
      assert.deepStrictEqual([passed.status, passed.text], [200, body])
      const metrics = yield* get(`${tolerant.adminUrl}/metrics`)
      assert.include(metrics.text, "hb_sessions_proxy_upstream_outside_contract 1")
      const strict = yield* start(odd, ["--strict-upstream"])
      const rejected = yield* get(`${strict.url}/api/sessions`, { headers: strict.auth })
      assert.strictEqual(rejected.status, 502)
      assert.include(JSON.parse(rejected.text).message, "sessions[0].id")
    }).pipe(Effect.scoped)
  )
})

const cases: ReadonlyArray<
  readonly [name: string, answer: (response: ServerResponse, request: IncomingMessage) => void, status: number]
> = [
  ["rejects the proxy's key", (response) => response.writeHead(401).end(`{"message":"bad key ${KEY}"}`), 502],
  ["wants payment", (response) => response.writeHead(402).end(`{"message":"no credits ${KEY}"}`), 402],
  ["limits the rate", (response) => response.writeHead(429, { "retry-after": "9" }).end(`{"message":"${KEY}"}`), 429],
  ["fails", (response) => response.writeHead(500).end(`{"error":"${KEY}"}`), 502],
  ["hangs up", (response) => response.destroy(), 502],
  ["sends HTML", (response) => response.end(`<p>${KEY}</p>`), 502],
  ["sends the key", (response) => response.end(`{"sessions":[],"k":"${btoa(`x${KEY}`)}"}`), 502],
  ["redirects", (response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(), 502],
  ["rejects a parameter", (response) => response.writeHead(400).end('{"message":"status"}'), 400]
]

type Answer = (typeof cases)[number][1]

/** One proxy for all of these, and what its upstream answers now. */
class Failing extends Context.Service<
  Failing,
  { readonly proxy: Effect.Success<ReturnType<typeof start>>; readonly set: (answer: Answer) => void }
>()("test/Failing") {}

const failing = Layer.effect(
  Failing,
  Effect.gen(function* () {
    let current: Answer = (response) => response.end()
    const proxy = yield* start(yield* upstream((request, response) => current(response, request)), [
      ...["--rate", "0", "--breaker-failures", "1000"]
    ])
    return { proxy, set: (answer) => void (current = answer) }
  })
)

layer(failing, { excludeTestServices: true })("an upstream that", (it) => {
  for (const [index, [name, answer, expected]] of cases.entries()) {
    it.effect(`${name}: ${expected}, in the vendor's form, without the key`, () =>
      Effect.gen(function* () {
        const { proxy, set } = yield* Failing
        set(answer)
        // Each asks for something else, as failures are kept for a moment.
        const url = `${proxy.url}/api/sessions?x=${index}`
        const { headers, status, text } = yield* get(url, { headers: proxy.auth })
        assert.strictEqual(status, expected)
        assert.isString(JSON.parse(text).message)
        assert.strictEqual(headers.get("retry-after"), expected === 429 ? "9" : null)
        assert.notInclude([text, ...[...headers].flat()].join("\n"), KEY)
      })
    )
  }

  it.effect("does any of this brings the key into no log", () =>
    Effect.gen(function* () {
      const { proxy } = yield* Failing
      const { stderr, stdout } = yield* proxy.stop("SIGTERM")
      assert.lengthOf(stderr.match(/"type":"access"/g) ?? [], cases.length)
      assert.notInclude(stdout + stderr, KEY)
    })
  )
})

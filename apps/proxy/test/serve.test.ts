/**
 * The built `hb-sessions-proxy serve` as a process between real clients and a real upstream.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { Hyperbrowser } from "@hyperbrowser/sdk"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"

const bin = fileURLToPath(new URL("../dist/bin.js", import.meta.url))
const KEY = "hb_canary_proxy_31"

const startProxy = (upstream: string) =>
  Bin.start(bin, ["serve", "--port", "0"], {
    HYPERBROWSER_API_KEY: KEY,
    HYPERBROWSER_BASE_URL: upstream,
    HB_SESSIONS_RETRIES: "0"
  }).pipe(
    Effect.map((started) => ({ ...started, url: JSON.parse(started.firstLine).url as string })),
    Effect.orDie
  )

const get = (url: string, init?: RequestInit) =>
  Effect.promise(async () => {
    const response = await fetch(url, init)
    return { status: response.status, headers: response.headers, text: await response.text() }
  })

layer(Simulator.layer({ sessions: 57, apiKey: KEY, seed: "proxy" }), { excludeTestServices: true })(
  "in front of the simulator",
  (it) => {
    it.effect("answers with the upstream's bytes, the key added", () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const proxy = yield* startProxy(simulator.url)
        for (const query of ["", "?page=2", "?page=1&status=closed", "?limit=7&page=3"]) {
          const direct = yield* get(`${simulator.url}/api/sessions${query}`, { headers: { "x-api-key": KEY } })
          const proxied = yield* get(`${proxy.url}/api/sessions${query}`)
          assert.strictEqual(proxied.status, 200)
          assert.strictEqual(proxied.text, direct.text)
          assert.match(proxied.headers.get("content-type") ?? "", /^application\/json/)
          assert.isNotNull(proxied.headers.get("x-request-id"))
        }
      }).pipe(Effect.scoped)
    )

    it.effect("serves the vendor's SDK", () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const proxy = yield* startProxy(simulator.url)
        const sdk = new Hyperbrowser({ apiKey: "a token of the proxy's client", baseUrl: proxy.url })
        const page = yield* Effect.promise(() => sdk.sessions.list({ page: 2 }))
        assert.lengthOf(page.sessions, 10)
        assert.strictEqual(page.totalCount, 57)
        assert.strictEqual(page.page, 2)
        const closed = yield* Effect.promise(() => sdk.sessions.list({ status: "closed" }))
        for (const session of closed.sessions) assert.strictEqual(session.status, "closed")
      }).pipe(Effect.scoped)
    )

    it.effect("refuses a page that is no number with 400, and names the parameter", () =>
      Effect.gen(function* () {
        const proxy = yield* startProxy((yield* Simulator).url)
        for (const page of ["0", "-1", "two", "1.5"]) {
          const { status, text } = yield* get(`${proxy.url}/api/sessions?page=${page}`)
          assert.strictEqual(status, 400)
          assert.include(JSON.parse(text).message, "page")
        }
      }).pipe(Effect.scoped)
    )

    it.effect("answers 404 with JSON elsewhere", () =>
      Effect.gen(function* () {
        const proxy = yield* startProxy((yield* Simulator).url)
        const { status, text } = yield* get(`${proxy.url}/api/other`)
        assert.strictEqual(status, 404)
        assert.isString(JSON.parse(text).message)
      }).pipe(Effect.scoped)
    )

    it.effect("stops on SIGTERM although a client keeps its connection open", () =>
      Effect.gen(function* () {
        const proxy = yield* startProxy((yield* Simulator).url)
        yield* get(`${proxy.url}/api/sessions`)
        const { code, stderr } = yield* proxy.stop("SIGTERM")
        assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
      }).pipe(Effect.scoped)
    )

    it.effect("names a port that is taken", () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const { port } = new URL(simulator.url)
        const env = { HYPERBROWSER_API_KEY: KEY, HYPERBROWSER_BASE_URL: simulator.url }
        const { code, stderr } = yield* Bin.run(bin, ["serve", "--port", port], env)
        assert.strictEqual(code, 1)
        assert.match(stderr, /^hb-sessions-proxy: cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\)[^\n]+\n$/)
      }).pipe(Effect.scoped)
    )
  }
)

describe("an upstream in trouble", () => {
  const cases: ReadonlyArray<
    readonly [name: string, answer: (response: ServerResponse, request: IncomingMessage) => void, status: number]
  > = [
    ["refuses the proxy's key", (response) => response.writeHead(401).end(`{"message":"bad key ${KEY}"}`), 502],
    ["wants payment", (response) => response.writeHead(402).end(`{"message":"no credits ${KEY}"}`), 402],
    ["limits the rate", (response) => response.writeHead(429, { "retry-after": "9" }).end(`{"message":"${KEY}"}`), 429],
    ["fails", (response) => response.writeHead(500).end(`{"error":"${KEY}"}`), 502],
    ["hangs up", (response) => response.destroy(), 502],
    ["sends HTML", (response) => response.end(`<p>${KEY}</p>`), 502],
    ["refuses a parameter", (response) => response.writeHead(400).end(`{"message":"status"}`), 400]
  ]
  for (const [name, answer, expected] of cases) {
    it.live(`${name}: ${expected}, in the vendor's form, without the key`, () =>
      Effect.gen(function* () {
        const server = createServer((request, response) => answer(response, request)).listen(0, "127.0.0.1")
        yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
        yield* Effect.promise(() => once(server, "listening"))
        const proxy = yield* startProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
        const { headers, status, text } = yield* get(`${proxy.url}/api/sessions`)
        assert.strictEqual(status, expected)
        assert.isString(JSON.parse(text).message)
        assert.strictEqual(headers.get("retry-after"), expected === 429 ? "9" : null)
        const { stderr, stdout } = yield* proxy.stop("SIGTERM")
        const leaks = [text, JSON.stringify([...headers]), stdout, stderr].filter((part) => part.includes(KEY))
        assert.deepStrictEqual(leaks, [])
        server.closeAllConnections()
      }).pipe(Effect.scoped)
    )
  }
})

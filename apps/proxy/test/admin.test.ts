/**
 * What operators see: health, metrics, logs and traces.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { eventually, get, raw, start, statuses } from "./support/Proxy.ts"

layer(Simulator.layer({ sessions: 57, seed: "admin" }), { excludeTestServices: true })("operators", (it) => {
  it.effect(
    "learn whether the proxy lives and the upstream can be used, without a token, and not from the public port",
    () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const proxy = yield* start(simulator)
        assert.notStrictEqual(proxy.adminUrl, proxy.url)
        assert.strictEqual(new URL(proxy.adminUrl).hostname, "127.0.0.1")
        assert.strictEqual((yield* get(`${proxy.adminUrl}/healthz`)).status, 200)
        assert.strictEqual((yield* get(`${proxy.adminUrl}/readyz`)).status, 200)
        const ready = get(`${proxy.adminUrl}/readyz`)
        const { text } = yield* eventually(ready, (answer) => answer.text.includes("usable"))
        assert.deepStrictEqual(JSON.parse(text), {
          status: "ready",
          upstream: { status: "usable", circuit: "closed" }
        })
        const { requests } = yield* simulator.stats
        yield* ready
        assert.strictEqual((yield* simulator.stats).requests, requests)
        assert.strictEqual((yield* get(`${proxy.adminUrl}/other`)).status, 404)
        assert.strictEqual((yield* get(`${proxy.adminUrl}/healthz`, { method: "POST" })).status, 405)
        for (const path of ["/healthz", "/readyz", "/metrics"]) {
          assert.strictEqual((yield* get(proxy.url + path)).status, 404)
        }
      }).pipe(Effect.scoped)
  )

  it.effect("learn of an upstream that rejects the key or does not answer, and keep the proxy in service", () =>
    Effect.gen(function* () {
      const { url } = yield* Simulator
      for (const [upstream, reason] of [
        [{ url, apiKey: "another-key" }, "Unauthorized"],
        [{ url: "http://127.0.0.1:1", apiKey: "any-key" }, "UpstreamUnavailable"]
      ] as const) {
        const proxy = yield* start(upstream)
        const ready = get(`${proxy.adminUrl}/readyz`)
        const { status, text } = yield* eventually(ready, (answer) => answer.text.includes("failing"))
        assert.deepStrictEqual([status, JSON.parse(text).upstream.reason], [200, reason])
        assert.include((yield* get(`${proxy.adminUrl}/metrics`)).text, "hb_sessions_proxy_upstream_usable 0\n")
        assert.strictEqual((yield* get(`${proxy.adminUrl}/healthz`)).status, 200)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("are not read by pages of other sites, whose names point to this machine", () =>
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator, ["--without-tokens", "--allowed-hosts", "proxy.internal"])
      const ask = (url: string, path: string, head: string) =>
        Effect.map(raw(url, `GET ${path} ${head}connection: close\r\n\r\n`), ({ text }) => statuses(text)[0])
      for (const [url, path] of [
        [proxy.url, "/"],
        [proxy.url, "/api/sessions"],
        [proxy.adminUrl, "/healthz"]
      ] as const) {
        for (const host of [
          "localhost",
          "LOCALHOST.:80",
          "127.0.0.1:8080",
          "[::1]:1",
          "127.8.9.1",
          "Proxy.Internal."
        ]) {
          assert.strictEqual(yield* ask(url, path, `HTTP/1.1\r\nhost: ${host}\r\n`), 200, host)
        }
        for (const host of [
          "evil.example",
          "localhost.evil.example:8080",
          "127.0.0.1.evil.example",
          "10.0.0.1",
          "[::2]"
        ]) {
          assert.strictEqual(yield* ask(url, path, `HTTP/1.1\r\nhost: ${host}\r\n`), 421, host)
        }
        assert.strictEqual(yield* ask(url, path, "HTTP/1.0\r\n"), 200)
        assert.notStrictEqual(yield* ask(url, path, "HTTP/1.1\r\n"), 200)
        const absolute = `http://evil.example${path}`
        assert.notStrictEqual(yield* ask(url, absolute, "HTTP/1.1\r\nhost: localhost\r\n"), 200)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("get metrics that Prometheus can read", () =>
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator)
      yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })
      yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })
      yield* get(`${proxy.url}/api/sessions`)
      const { headers, text } = yield* get(`${proxy.adminUrl}/metrics`)
      assert.match(headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/)
      for (const line of [
        'hb_sessions_proxy_requests{route="/api/sessions",status="200",cache="miss"} 1',
        'hb_sessions_proxy_requests{route="/api/sessions",status="200",cache="hit"} 1',
        'hb_sessions_proxy_requests{route="/api/sessions",status="401",cache="none"} 1',
        "hb_sessions_proxy_auth_failures 1",
        "hb_sessions_proxy_cache_entries 1",
        "hb_sessions_proxy_draining 0",
        'hb_sessions_requests{status="200"} 1'
      ]) {
        assert.include(text, `${line}\n`)
      }
      for (const line of text.trimEnd().split("\n")) {
        assert.match(line, /^(?:# (?:HELP|TYPE) \S+ .+|[a-z_]+(?:\{[^}]*\})? -?[0-9.e+-]+|[a-z_]+\{[^}]*\} \S+)$/i)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("get a line of JSON for each answer, without headers and query strings", () =>
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator)
      yield* get(`${proxy.url}/api/sessions?secret=s3cr3t`, { headers: { ...proxy.auth, "x-request-id": "abc" } })
      yield* get(`${proxy.url}/%22%7d?x=s3cr3t`)
      const { stderr, stdout } = yield* proxy.stop("SIGTERM")
      assert.strictEqual(stdout.trimEnd().split("\n").length, 1)
      const lines = stderr
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
        .filter(({ type }) => type === "access")
      assert.lengthOf(lines, 2)
      const { address, bytes, ms, time, ...first } = lines[0]
      assert.deepStrictEqual(first, {
        type: "access",
        id: "abc",
        client: "test",
        method: "GET",
        route: "/api/sessions",
        path: "/api/sessions",
        status: 200,
        cache: "miss"
      })
      assert.include(address, "127.0.0.1")
      assert.isAbove(bytes, 1000)
      assert.isNumber(ms)
      assert.isNotNaN(Date.parse(time))
      assert.strictEqual(lines[1].problem, "not-found")
      assert.notInclude(stderr, "s3cr3t")
      assert.notInclude(stderr, proxy.token)
    }).pipe(Effect.scoped)
  )

  it.effect("log errors only, or nothing, if they want", () =>
    Effect.gen(function* () {
      for (const [level, expected] of [
        ["errors", 1],
        ["off", 0]
      ] as const) {
        const proxy = yield* start(yield* Simulator, ["--access-log", level])
        yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })
        yield* get(`${proxy.url}/nowhere`)
        const { stderr } = yield* proxy.stop("SIGTERM")
        assert.strictEqual(stderr.split('"type":"access"').length - 1, expected)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("get traces and metrics over OTLP, joined to the client's trace, without the key or the token", () =>
    Effect.gen(function* () {
      const received = new Map<string, string>()
      const collector = createServer((request, response) => {
        let body = ""
        request.on("data", (data) => (body += data))
        request.on("end", () => {
          received.set(request.url ?? "", (received.get(request.url ?? "") ?? "") + body)
          response.end("{}")
        })
      }).listen(0, "127.0.0.1")
      yield* Effect.addFinalizer(() => Effect.sync(() => collector.close()))
      yield* Effect.promise(() => once(collector, "listening"))
      const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
      const simulator = yield* Simulator
      const proxy = yield* start(simulator, [], {
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        OTEL_TRACES_EXPORTER: "otlp",
        OTEL_METRICS_EXPORTER: "otlp"
      })
      const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
      yield* get(`${proxy.url}/api/sessions`, {
        headers: { ...proxy.auth, traceparent: `00-${trace}-00f067aa0ba902b7-01` }
      })
      yield* proxy.stop("SIGTERM")
      yield* eventually(Effect.succeed(received), (paths) => paths.has("/v1/traces") && paths.has("/v1/metrics"))
      const traces = received.get("/v1/traces") ?? ""
      for (const text of [trace, "GET /api/sessions", "page.load", "SessionsClient.getPage", '"hb-sessions-proxy"']) {
        assert.include(traces, text)
      }
      assert.include(received.get("/v1/metrics") ?? "", "hb_sessions_proxy_requests")
      for (const text of received.values()) {
        assert.notInclude(text, simulator.apiKey)
        assert.notInclude(text, proxy.token)
      }
    }).pipe(Effect.scoped)
  )
})

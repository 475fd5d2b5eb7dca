/**
 * The client over a dispatcher of undici: what it sends, what it gives, and that nothing of it stays behind.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Redacted, type Scope, Stream } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { once } from "node:events"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { Agent } from "undici"
import { BodyTooLarge } from "../src/limitBodies.ts"
import { SessionsClient } from "../src/SessionsClient.ts"
import * as UndiciHttpClient from "../src/UndiciHttpClient.ts"
import { emptyPage, json, upstream } from "./upstream.ts"

const dispatcher = (options: Agent.Options = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => new Agent(options)),
    (agent) => Effect.promise(() => agent.destroy())
  )

const client = (options: Agent.Options = {}) => Effect.map(dispatcher(options), UndiciHttpClient.make)

/** A server below HTTP. */
const raw = (answer: (socket: Socket) => void): Effect.Effect<string, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const sockets = new Set<Socket>()
        const server = createServer((socket) => {
          sockets.add(socket)
          socket.on("error", () => {}).once("data", () => answer(socket))
        }).listen(0, "127.0.0.1")
        await once(server, "listening")
        return { server, sockets }
      }),
      ({ server, sockets }) =>
        Effect.promise(async () => {
          for (const socket of sockets) socket.destroy()
          await new Promise((resolve) => server.close(resolve))
        })
    ),
    ({ server }) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  )

describe("a response", () => {
  it.live("is what the server sent, however it is read", () =>
    Effect.gen(function* () {
      const server = yield* upstream((response) => {
        response.writeHead(200, [
          ["Content-Type", "application/x-www-form-urlencoded"],
          ["Set-Cookie", "a=1"],
          ["Set-Cookie", "b=2"],
          ["X-Two", "1"],
          ["X-Two", "2"]
        ])
        response.write("q=%C3")
        response.end("%A4")
      })
      const http = yield* client()
      const response = yield* http.execute(
        HttpClientRequest.get(`${server.url.href}a/b?c=d#e`, { urlParams: { f: "g h" }, headers: { "X-Own": "yes" } })
      )
      assert.strictEqual(server.requests[0]?.url, "/a/b?c=d&f=g+h")
      assert.strictEqual(server.requests[0]?.headers["x-own"], "yes")
      assert.strictEqual(response.status, 200)
      assert.strictEqual(response.headers["x-two"], "1, 2")
      assert.deepStrictEqual(Object.keys(response.cookies.cookies), ["a", "b"])
      assert.strictEqual(yield* response.text, "q=%C3%A4")
      assert.strictEqual((yield* response.arrayBuffer).byteLength, 8)
      assert.deepStrictEqual((yield* response.urlParamsBody).params, [["q", "ä"]])
      assert.strictEqual((yield* response.formData).get("q"), "ä")
      assert.strictEqual(yield* Stream.mkString(Stream.decodeText(response.stream)), "q=%C3%A4")
      assert.isTrue(Option.isNone(response.remoteAddress))
      assert.strictEqual((yield* Effect.flip(response.json)).reason._tag, "DecodeError")
      assert.strictEqual((yield* Effect.flip(response.upgrade)).reason._tag, "StatusCodeError")
    }).pipe(Effect.scoped)
  )

  it.live("may have no body, and heads before its own that only inform", () =>
    Effect.gen(function* () {
      const url = yield* raw((socket) =>
        socket.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n")
      )
      const http = yield* client()
      const response = yield* http.get(url)
      assert.strictEqual(response.status, 204)
      assert.strictEqual(response.headers["x-a"], "b")
      assert.isUndefined(response.headers["link"])
      assert.strictEqual(yield* response.text, "")
    }).pipe(Effect.scoped)
  )

  it.live("that is cut says so when its body is read, and one that does not begin is no response", () =>
    Effect.gen(function* () {
      const cut = yield* raw((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}"))
      const none = yield* raw((socket) => socket.destroy())
      const http = yield* client()
      const response = yield* http.get(cut)
      assert.strictEqual((yield* Effect.flip(response.arrayBuffer)).reason._tag, "DecodeError")
      assert.strictEqual((yield* Effect.flip(http.get(none))).reason._tag, "TransportError")
    }).pipe(Effect.scoped)
  )
})

describe("a request", () => {
  it.live("ends with its fiber, before an answer and within one", () =>
    Effect.gen(function* () {
      const server = yield* upstream((response, _, n) => {
        if (n === 2) response.writeHead(200, { "content-length": "1000" }).write("x")
      })
      const http = yield* client({ connections: 1 })
      for (const n of [1, 2]) {
        const fiber = yield* Effect.forkChild(http.get(server.url))
        while (server.requests.length < n) yield* Effect.sleep("2 millis")
        yield* Effect.sleep("20 millis")
        yield* Fiber.interrupt(fiber)
        while (server.aborted.length < n) yield* Effect.sleep("2 millis")
      }
      // One that waits for the connection of another is never sent.
      const first = yield* Effect.forkChild(http.get(server.url))
      while (server.requests.length < 3) yield* Effect.sleep("2 millis")
      const waiting = yield* Effect.forkChild(http.get(new URL("/waiting", server.url)))
      yield* Effect.sleep("20 millis")
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(first)
      yield* Effect.sleep("20 millis")
      assert.notInclude(
        server.requests.map(({ url }) => url),
        "/waiting"
      )
    }).pipe(Effect.scoped)
  )

  it.live("fails where it cannot be made", () =>
    Effect.gen(function* () {
      const agent = yield* dispatcher()
      const http = UndiciHttpClient.make(agent)
      assert.strictEqual((yield* Effect.flip(http.post("http://127.0.0.1:1"))).reason._tag, "EncodeError")
      assert.strictEqual((yield* Effect.flip(http.get("no url"))).reason._tag, "InvalidUrlError")
      assert.strictEqual((yield* Effect.flip(http.get("ftp://127.0.0.1"))).reason._tag, "TransportError")
      yield* Effect.promise(() => agent.close())
      assert.strictEqual((yield* Effect.flip(http.get("http://127.0.0.1:1"))).reason._tag, "TransportError")
    }).pipe(Effect.scoped)
  )
})

describe("a body that is longer than the client of sessions allows", () => {
  const page = JSON.stringify({ ...emptyPage, padding: "x".repeat(5000) })

  for (const [what, headers] of [
    ["says so", { "content-length": String(page.length) }],
    ["does not say so", { "transfer-encoding": "chunked" }]
  ] as const) {
    it.live(`and ${what} is not read, and its connection is closed`, () =>
      Effect.gen(function* () {
        const server = yield* upstream((response) => {
          response.writeHead(200, headers)
          // Its end comes never: only the client can end this.
          response.write(page.slice(0, -1))
        })
        const http = yield* client()
        const sessions = SessionsClient.layerNoDeps({
          apiKey: Redacted.make("key"),
          baseUrl: server.url,
          maxBodyBytes: 1000
        }).pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, http)))
        const error = yield* SessionsClient.pipe(
          Effect.flatMap(({ getPage }) => getPage({})),
          Effect.flip,
          Effect.provide(sessions)
        )
        assert.include(error.message, new BodyTooLarge({ maxBytes: 1000 }).message)
        assert.lengthOf(server.requests, 1)
        while (server.aborted.length === 0) yield* Effect.sleep("2 millis")
      }).pipe(Effect.scoped)
    )
  }
})

it.live("many requests at once share few connections", () =>
  Effect.gen(function* () {
    const server = yield* upstream((response, { url }) => json(response, { url }))
    const http = yield* client({ connections: 4 })
    const bodies = yield* Effect.forEach(
      Array.from({ length: 100 }, (_, index) => `/${index}`),
      (path) => Effect.flatMap(http.get(new URL(path, server.url)), ({ json: body }) => body),
      { concurrency: "unbounded" }
    )
    assert.deepStrictEqual(
      bodies,
      Array.from({ length: 100 }, (_, index) => ({ url: `/${index}` }))
    )
    assert.strictEqual(new Set(server.requests.map(({ socket }) => socket)).size, 4)
  }).pipe(Effect.scoped)
)

/**
 * The transports against servers that are odd on the wire.
 */
import { assert, describe, it } from "@effect/vitest"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import { Deferred, Effect, Fiber, Layer, Predicate, Redacted } from "effect"
import { HttpClient } from "effect/http"
import { once } from "node:events"
import { createServer as createHttpServer } from "node:http"
import { type AddressInfo, createServer, type Server, type Socket } from "node:net"
import { networkInterfaces } from "node:os"
import * as Transport from "../src/Transport.ts"

/** A server that answers the requests of each connection with these bytes; the last ones are sent again and again. */
const serving = Effect.fnUntraced(function* (...answers: ReadonlyArray<(socket: Socket) => void>) {
  const requests: Array<string> = []
  const connections: Array<Socket> = []
  const server = createServer((socket) => {
    connections.push(socket)
    socket.on("error", () => undefined)
    socket.on("data", (data) => {
      requests.push(data.toString().split("\r\n")[0] ?? "")
      answers[Math.min(requests.length, answers.length) - 1]?.(socket)
    })
  })
  yield* Effect.acquireRelease(
    Effect.promise(() => once(server.listen(0, "127.0.0.1"), "listening")),
    () => Effect.promise(() => closed(server, connections))
  )
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, requests, connections }
})

/** A server that answers with the host and the path that it was asked for. */
const telling = (address: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = createHttpServer(({ headers, url }, response) => void response.end(`${headers.host} ${url}`))
      await once(server.listen(0, address), "listening")
      return { server, port: (server.address() as AddressInfo).port }
    }),
    ({ server }) => Effect.sync(() => void server.close().closeAllConnections())
  )

/** Some containers have no IPv6. */
const hasIpv6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === "::1"))

const closed = async (server: Server, connections: ReadonlyArray<Socket>): Promise<void> => {
  for (const socket of connections) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
}

const sends = (text: string) => (socket: Socket) => void socket.write(text.replaceAll("\n", "\r\n"))

const ok = sends("HTTP/1.1 200 OK\ncontent-length: 2\nx-kind: plain\n\nok")

const get = (url: string) =>
  Effect.flatMap(HttpClient.get(url), (response) =>
    Effect.map(response.arrayBuffer, (body) => ({
      status: response.status,
      headers: response.headers,
      text: Buffer.from(body).toString()
    }))
  )

/** The reason of a failure, and the code of what caused it. */
const failure = (url: string) =>
  Effect.map(Effect.flip(get(url)), ({ reason }): ReadonlyArray<unknown> => {
    const cause = "cause" in reason ? reason.cause : undefined
    return [reason._tag, Predicate.hasProperty(cause, "code") ? cause.code : undefined]
  })

const transports = { layer: Transport.layer, readingLayer: Transport.readingLayer }

for (const [name, layer] of Object.entries(transports)) {
  const transported = Effect.provide(layer)

  describe(`${name} of Transport`, () => {
    it.live("gives status, headers and body, and keeps the connection", () =>
      Effect.gen(function* () {
        const { connections, requests, url } = yield* serving(ok)
        for (const path of ["a", "b?page=2"]) {
          const answer = yield* get(url + path)
          assert.deepInclude(answer, { status: 200, text: "ok" })
          assert.strictEqual(answer.headers["x-kind"], "plain")
        }
        assert.deepStrictEqual(requests, ["GET /a HTTP/1.1", "GET /b?page=2 HTTP/1.1"])
        assert.lengthOf(connections, 1)
      }).pipe(transported, Effect.scoped)
    )

    it.live("asks several servers in turn, by name and by addresses of both kinds", () =>
      Effect.gen(function* () {
        const hosts = ["127.0.0.1", "localhost", ...(hasIpv6 ? ["[::1]"] : [])]
        for (let round = 0; round < 2; round++) {
          for (const host of hosts) {
            const server = yield* telling(host.replace(/[[\]]/g, ""))
            const { text } = yield* get(`http://${host}:${server.port}/path?query=1`)
            assert.strictEqual(text, `${host}:${server.port} /path?query=1`)
          }
        }
      }).pipe(transported, Effect.scoped)
    )

    it.live("takes the last of several heads, and a body without a length to the end of the connection", () =>
      Effect.gen(function* () {
        const { url } = yield* serving((socket: Socket) => {
          sends("HTTP/1.1 103 Early Hints\nlink: </a>\n\nHTTP/1.1 404 Not Found\nconnection: close\n\ngone")(socket)
          socket.end()
        })
        assert.deepInclude(yield* get(url), { status: 404, text: "gone" })
      }).pipe(transported, Effect.scoped)
    )

    for (const [what, answer, expected] of [
      ["closes the connection", (socket: Socket) => void socket.destroy(), ["TransportError", "ECONNRESET"]],
      ["sends what is no HTTP", sends("SSH-2.0-OpenSSH_9\n"), ["TransportError", "HPE_INVALID_CONSTANT"]],
      [
        "stops in the body",
        (socket: Socket) => {
          sends("HTTP/1.1 200 OK\ncontent-length: 10\n\nhalf")(socket)
          setTimeout(() => socket.destroy(), 50)
        },
        ["DecodeError", "ECONNRESET"]
      ],
      [
        "stops in a chunk",
        (socket: Socket) => {
          sends("HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\na\nhalf")(socket)
          setTimeout(() => socket.end(), 50)
        },
        ["DecodeError", "ECONNRESET"]
      ]
    ] as const) {
      it.live(`fails where the server ${what}`, () =>
        Effect.gen(function* () {
          const { url } = yield* serving(answer)
          assert.deepStrictEqual(yield* failure(url), expected)
        }).pipe(transported, Effect.scoped)
      )
    }

    it.live("sends a request once more where the server closed the kept connection", () =>
      Effect.gen(function* () {
        const { connections, requests, url } = yield* serving(ok, (socket: Socket) => void socket.destroy(), ok)
        assert.deepInclude(yield* get(url), { text: "ok" })
        assert.deepInclude(yield* get(url), { text: "ok" })
        assert.lengthOf(requests, 3)
        assert.lengthOf(connections, 2)
      }).pipe(transported, Effect.scoped)
    )

    it.live("closes the connection when it is interrupted, before the head and in the body", () =>
      Effect.gen(function* () {
        for (const head of ["", "HTTP/1.1 200 OK\ncontent-length: 10\n\nhalf"]) {
          const isAsked = yield* Deferred.make<Socket>()
          const { url } = yield* serving((socket: Socket) => {
            sends(head)(socket)
            Deferred.doneUnsafe(isAsked, Effect.succeed(socket))
          })
          const fiber = yield* Effect.forkChild(get(url))
          const socket = yield* Deferred.await(isAsked)
          const isClosed = once(socket, "close")
          yield* Effect.sleep("20 millis")
          yield* Fiber.interrupt(fiber)
          yield* Effect.promise(() => isClosed)
        }
      }).pipe(transported, Effect.scoped)
    )

    it.live("closes the connection on a body that is too long", () =>
      Effect.gen(function* () {
        const { connections, url } = yield* serving((socket: Socket) => {
          sends("HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n")(socket)
          const timer = setInterval(() => socket.write(`1000\r\n${"x".repeat(4096)}\r\n`), 1)
          socket.on("close", () => clearInterval(timer))
        })
        const client = SessionsClient.layerNoDeps({
          apiKey: Redacted.make("key"),
          baseUrl: new URL(url),
          maxBodyBytes: 100_000
        })
        const { reason } = yield* SessionsClient.use(({ getPage }) => Effect.flip(getPage({}))).pipe(
          Effect.provide(Layer.provide(client, layer))
        )
        assert.strictEqual(reason._tag, "UnexpectedResponse")
        const [socket] = connections
        if (socket?.destroyed === false) yield* Effect.promise(() => once(socket, "close"))
      }).pipe(Effect.scoped)
    )
  })
}

describe("what only reads", () => {
  it.live("fails where the server asks for another protocol", () =>
    Effect.gen(function* () {
      const { url } = yield* serving(sends("HTTP/1.1 101 Switching\nupgrade: x\nconnection: upgrade\n\n"))
      assert.deepStrictEqual(yield* failure(url), ["TransportError", "ERR_INVALID_PROTOCOL"])
    }).pipe(Effect.provide(Transport.readingLayer), Effect.scoped)
  )

  it.live("sends nothing but GET without a body", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* serving(ok)
      assert.strictEqual((yield* Effect.flip(HttpClient.post(url))).reason._tag, "EncodeError")
      assert.deepStrictEqual(requests, [])
    }).pipe(Effect.provide(Transport.readingLayer), Effect.scoped)
  )
})

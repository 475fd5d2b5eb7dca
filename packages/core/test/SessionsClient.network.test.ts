/**
 * Failures below HTTP that waiting does not repair, and bodies without a bound, over real sockets.
 */
import { assert, describe, it } from "@effect/vitest"
import { NodeHttpClient } from "@effect/platform-node"
import { Effect, Exit, Layer, Redacted, Schema } from "effect"
import type { HttpClient } from "effect/http"
import { readFileSync } from "node:fs"
import { createServer as createHttpServer } from "node:http"
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net"
import { createServer as createTlsServer } from "node:tls"
import { gzipSync } from "node:zlib"
import { Agent } from "undici"
import { SessionsClient, type SessionsClientOptions } from "../src/SessionsClient.ts"
import { SessionsError, UpstreamUnavailable } from "../src/SessionsError.ts"
import * as UndiciHttpClient from "../src/UndiciHttpClient.ts"
import { emptyPage, json, upstream } from "./upstream.ts"

const pem = (name: string) => readFileSync(new URL(`./fixtures/tls/${name}.pem`, import.meta.url), "utf8")

/** A server on a free port that counts its connections. */
const listening = (server: Server) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly connections: () => number }>((resume) => {
      let count = 0
      server.on("connection", () => count++)
      server.on("tlsClientError", () => {})
      server.listen(0, "127.0.0.1", () => {
        resume(Effect.succeed({ port: (server.address() as AddressInfo).port, connections: () => count }))
      })
    }),
    () => Effect.sync(() => server.close())
  )

const tls = (name: string) =>
  listening(createTlsServer({ key: pem("key"), cert: pem(name) }, (socket) => socket.on("error", () => {}).end()))

type Transport = Layer.Layer<HttpClient.HttpClient>

const agentLayer = (options: Agent.Options): Transport =>
  Layer.unwrap(
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => new Agent(options)),
        (agent) => Effect.promise(() => agent.destroy())
      ),
      UndiciHttpClient.layer
    )
  )

const transports: Record<string, (ca?: string) => Transport> = {
  "node:http": (ca) => NodeHttpClient.layerNodeHttpOptions(ca === undefined ? {} : { ca }),
  undici: (ca) => NodeHttpClient.layerUndiciOptions(ca === undefined ? {} : { connect: { ca } }),
  UndiciHttpClient: (ca) => agentLayer(ca === undefined ? {} : { connect: { ca } })
}

const failure = (url: string, transport: Transport | undefined, options: Partial<SessionsClientOptions> = {}) => {
  const all = {
    apiKey: Redacted.make("key"),
    baseUrl: new URL(url),
    retries: 2,
    retryBaseDelay: 1,
    retryMaxDelay: 2,
    ...options
  }
  const client =
    transport === undefined ? SessionsClient.layer(all) : SessionsClient.layerNoDeps(all).pipe(Layer.provide(transport))
  return SessionsClient.pipe(
    Effect.flatMap((service) => service.getPage({})),
    Effect.flip,
    Effect.provide(client)
  )
}

const forAll = [...Object.entries(transports), ["fetch", undefined] as const]

for (const [name, make] of forAll) {
  describe(`over ${name}`, () => {
    it.live("an issuer that is not trusted is not tried again, and the message says what to do", () =>
      Effect.gen(function* () {
        const server = yield* tls("valid")
        const error = yield* failure(`https://localhost:${server.port}`, make?.())
        assert.deepInclude(error.reason, { problem: "certificate", attempts: 1, detail: "DEPTH_ZERO_SELF_SIGNED_CERT" })
        assert.match(error.message, /certificate is not valid \(DEPTH_ZERO_SELF_SIGNED_CERT\);.*NODE_EXTRA_CA_CERTS/)
        assert.notInclude(error.message, "later")
        assert.isFalse(error.isRetryable)
        assert.strictEqual(server.connections(), 1)
      }).pipe(Effect.scoped)
    )

    if (make !== undefined) {
      it.live("a certificate for another name, or one that has expired, is not tried again", () =>
        Effect.gen(function* () {
          const other = yield* tls("otherName")
          const named = yield* failure(`https://localhost:${other.port}`, make(pem("otherName")))
          assert.deepInclude(named.reason, { problem: "certificate", detail: "ERR_TLS_CERT_ALTNAME_INVALID" })
          assert.match(named.message, /for another name: check the host/)
          const old = yield* tls("expired")
          const expired = yield* failure(`https://localhost:${old.port}`, make(pem("expired")))
          assert.deepInclude(expired.reason, { problem: "certificate", detail: "CERT_HAS_EXPIRED" })
          assert.match(expired.message, /clock of this machine/)
          assert.deepStrictEqual([other.connections(), old.connections()], [1, 1])
        }).pipe(Effect.scoped)
      )
    }

    it.live("a port that speaks another protocol is not tried again", () =>
      Effect.gen(function* () {
        const plain = yield* listening(createHttpServer((_, response) => response.end("{}")))
        const overTls = yield* failure(`https://127.0.0.1:${plain.port}`, make?.())
        assert.deepInclude(overTls.reason, { problem: "wrong-protocol", attempts: 1 })
        assert.match(overTls.message, /speaks another protocol \(\w+\); check the port/)
        assert.strictEqual(plain.connections(), 1)
        const mail = yield* listening(
          createTcpServer((socket) => socket.on("error", () => {}).end("220 mail ready\r\n"))
        )
        const overMail = yield* failure(`http://127.0.0.1:${mail.port}`, make?.())
        assert.deepInclude(overMail.reason, { problem: "wrong-protocol", attempts: 1 })
        assert.strictEqual(mail.connections(), 1)
      }).pipe(Effect.scoped)
    )

    it.live("a host without an address is not tried again", () =>
      Effect.gen(function* () {
        const error = yield* failure("http://nothing.invalid", make?.())
        // A machine without any resolver answers EAI_AGAIN, which may pass.
        if (error.reason._tag === "UpstreamUnavailable" && error.reason.detail === "EAI_AGAIN") return
        assert.deepInclude(error.reason, { problem: "unknown-host", attempts: 1, detail: "ENOTFOUND" })
        assert.match(error.message, /the host is not known \(ENOTFOUND\); check the host in the base URL/)
      })
    )

    it.live("a body beyond the bound is cut, not read, and not asked for again", () =>
      Effect.gen(function* () {
        let sent = 0
        const piece = Buffer.alloc(64 * 1024, " ")
        const server = yield* upstream((response) => {
          const write = () => {
            while (!response.destroyed && response.write(piece)) sent += piece.length
            if (!response.destroyed) response.once("drain", write)
          }
          write()
        })
        const error = yield* failure(server.url.href, make?.(), { maxBodyBytes: 1_000_000 })
        assert.deepInclude(error.reason, { _tag: "UnexpectedResponse", status: 200 })
        assert.match(error.message, /the body is larger than 1000000 bytes;.*HB_SESSIONS_MAX_BODY_BYTES/)
        assert.lengthOf(server.requests, 1)
        while (server.aborted.length === 0) yield* Effect.sleep("5 millis")
        assert.isBelow(sent, 64_000_000, "the connection was closed soon after")
      }).pipe(Effect.scoped)
    )

    it.live("a length beyond the bound is believed, an error beyond it keeps its status, the bound itself fits", () =>
      Effect.gen(function* () {
        const page = JSON.stringify(emptyPage)
        const server = yield* upstream((response, _, n) => {
          if (n === 1) response.writeHead(200, { "content-length": "5000000000" }).write(page)
          else if (n < 5) response.writeHead(503).end("x".repeat(page.length + 1))
          else json(response, emptyPage)
        })
        const options = { maxBodyBytes: page.length }
        const told = yield* failure(server.url.href, make?.(), options)
        assert.match(told.message, /the body is larger than/)
        const failed = yield* failure(server.url.href, make?.(), options)
        assert.deepInclude(failed.reason, { _tag: "UpstreamUnavailable", status: 503, attempts: 3 })
        const fitting = yield* Effect.exit(failure(server.url.href, make?.(), options))
        assert.isTrue(Exit.isFailure(fitting), "there is no failure to flip")
      }).pipe(Effect.scoped)
    )
  })
}

it.live("fetch cannot be filled by what unpacks to more than the bound", () =>
  Effect.gen(function* () {
    const packed = gzipSync(Buffer.alloc(4_000_000, " "))
    // Its length is that of the packed body, and low enough.
    const headers = { "content-encoding": "gzip", "content-length": packed.length }
    const server = yield* upstream((response) => response.writeHead(200, headers).end(packed))
    assert.isBelow(packed.length, 10_000)
    const error = yield* failure(server.url.href, undefined, { maxBodyBytes: 1_000_000 })
    assert.match(error.message, /the body is larger than 1000000 bytes/)
    assert.lengthOf(server.requests, 1)
  }).pipe(Effect.scoped)
)

it.live("a certificate that expires during the work of a client is tried again", () =>
  Effect.gen(function* () {
    let isBroken = false
    let failures = 0
    const server = yield* upstream((response) => json(response, emptyPage))
    const fetch: typeof globalThis.fetch = (input, init) => {
      if (!isBroken || failures++ === 1) return globalThis.fetch(input, init)
      return Promise.reject(new TypeError("fetch failed", { cause: { code: "CERT_HAS_EXPIRED" } }))
    }
    const client = yield* SessionsClient.pipe(
      Effect.provide(
        SessionsClient.layerNoDeps({
          apiKey: Redacted.make("key"),
          baseUrl: server.url,
          retryBaseDelay: "1 millis"
        }).pipe(Layer.provide(NodeHttpClient.layerFetch))
      )
    )
    const getPage = Effect.provideService(client.getPage({}), NodeHttpClient.Fetch, fetch)
    yield* getPage
    isBroken = true
    assert.deepStrictEqual(yield* getPage, emptyPage)
    assert.strictEqual(failures, 2)
  }).pipe(Effect.scoped)
)

it.effect("the problem survives being encoded", () =>
  Effect.gen(function* () {
    const reason = new UpstreamUnavailable({ kind: "network", attempts: 1, detail: "E", problem: "proxy" })
    const error = new SessionsError({ page: 1, reason })
    const decoded = yield* Schema.decodeEffect(SessionsError)(yield* Schema.encodeEffect(SessionsError)(error))
    assert.strictEqual(decoded.message, error.message)
    assert.isFalse(decoded.isRetryable)
  })
)

/**
 * What becomes of Redis, and of a proxy meanwhile.
 */
import { hasRedis } from "@hb-sessions/redis/Redis"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createServer } from "node:http"
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from "node:net"
import { once } from "node:events"
import * as InProcess from "./support/InProcess.ts"
import { eventually, get } from "./support/Proxy.ts"
import { envOf, metric, notingUpstream, redis, tokens } from "./support/Replicas.ts"

const listening = (make: () => Server) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = make().listen(0, "127.0.0.1")
      await once(server, "listening")
      return { server, url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}` }
    }),
    ({ server }) => Effect.sync(() => server.close())
  )

/** A proxy with a Redis, and what a client gets from it. */
const proxyWith = Effect.fnUntraced(function* (given: InProcess.Given) {
  const { auth, tokensFile } = yield* tokens
  const api = yield* notingUpstream()
  const proxy = yield* InProcess.start({ tokensFile, ...given }, envOf(api))
  let page = 0
  /** A page that is in no cache. */
  const ask = Effect.suspend(() => get(`${proxy.url}/api/sessions?page=${++page}`, { headers: auth }))
  const isUp = metric(proxy, "hb_sessions_proxy_redis_up")
  return { api, ask, isUp, proxy }
})

type Made = Effect.Success<ReturnType<typeof proxyWith>>

const isUsed = ({ isUp }: Made) => eventually(isUp, (value) => value === 1)
const isMissed = ({ isUp }: Made) => eventually(isUp, (value) => value === 0)

const linesOf = ({ proxy }: Made) => proxy.logged.filter((line) => line.includes("Redis"))

/** Fails to start, with what is said and the exit code. */
const rejected = (given: InProcess.Given) =>
  Effect.map(Effect.flip(proxyWith(given)), (error) => {
    const { exitCode, message } = error as { readonly exitCode?: number; readonly message: string }
    return { exitCode, message }
  })

describe.skipIf(!hasRedis)("a Redis that was there at the start", () => {
  const lost: ReadonlyArray<
    readonly [
      how: string,
      told: ReadonlyArray<RegExp>,
      lose: (server: Started) => Promise<unknown>,
      back: (server: Started) => Promise<unknown>
    ]
  > = [
    ["is killed and comes back empty", [/closed|ECONN/], (server) => server.kill(), (server) => server.restart()],
    [
      "does not answer any more",
      [/did not answer within/],
      async (server) => server.freeze(),
      async (server) => server.thaw()
    ],
    [
      "is full",
      [/its memory is full/],
      (server) => server.send("CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1"),
      (server) => server.send("CONFIG", "SET", "maxmemory", "0")
    ],
    [
      "becomes a replica",
      [/takes no writes/],
      (server) => server.send("REPLICAOF", "127.0.0.1", "1"),
      (server) => server.send("REPLICAOF", "NO", "ONE")
    ],
    [
      "takes another password",
      [/closed/, /does not accept the user and the password/],
      async (server) => {
        await server.send("CONFIG", "SET", "requirepass", "other")
        await server.send("-a", "other", "--no-auth-warning", "CLIENT", "KILL", "TYPE", "normal").catch(() => {})
      },
      (server) => server.send("-a", "other", "--no-auth-warning", "CONFIG", "SET", "requirepass", "")
    ]
  ]

  for (const [how, told, lose, back] of lost) {
    it.live(`and ${how}: requests are answered, one line tells of it, and one that it is used again`, () =>
      Effect.gen(function* () {
        const server = yield* redis()
        const made = yield* proxyWith({ redis: server.url })
        assert.strictEqual((yield* made.ask).status, 200)
        assert.deepStrictEqual(linesOf(made), [])
        yield* Effect.promise(() => lose(server))
        for (let index = 0; index < 3; index++) assert.strictEqual((yield* made.ask).status, 200)
        yield* isMissed(made)
        // Long enough for an attempt to find it again.
        yield* Effect.sleep("600 millis")
        assert.strictEqual((yield* made.ask).status, 200)
        yield* Effect.promise(() => back(server))
        yield* isUsed(made)
        assert.strictEqual((yield* made.ask).status, 200)
        const lines = yield* eventually(
          Effect.sync(() => linesOf(made)),
          (all) => all.some((line) => line.includes("can be used again"))
        )
        assert.include(lines[0], "works without it")
        const expected = [...told, /can be used again/]
        assert.strictEqual(lines.length, expected.length, lines.join("\n"))
        for (const [index, line] of lines.entries()) assert.match(line, expected[index] ?? /nothing/)
      })
    )
  }
})

type Started = Effect.Success<ReturnType<typeof redis>>

/** Passes everything on, as late as it says. */
const late = (port: number, state: { millis: number }) =>
  listening(() =>
    createTcpServer((socket) => {
      const peer = connect(port, "127.0.0.1")
      for (const [from, to] of [
        [socket, peer],
        [peer, socket]
      ] as const) {
        from.on("data", (data) => setTimeout(() => to.write(data), state.millis))
        from.on("close", () => to.destroy())
        from.on("error", () => to.destroy())
      }
    })
  )

describe.skipIf(!hasRedis)("a Redis that is slow", () => {
  it.live("is waited for a little each time, and left where it is too slow", () =>
    Effect.gen(function* () {
      const server = yield* redis()
      const state = { millis: 0 }
      const { url } = yield* late(server.port, state)
      const made = yield* proxyWith({ redis: url, cacheFresh: "1h" })
      state.millis = 100
      assert.strictEqual((yield* made.ask).status, 200)
      assert.strictEqual(yield* made.isUp, 1)
      state.millis = 3000
      assert.strictEqual((yield* made.ask).status, 200)
      yield* isMissed(made)
      state.millis = 0
      yield* isUsed(made)
    })
  )
})

describe.skipIf(!hasRedis)("a Redis that cannot be used at the start", () => {
  it.live("is waited for, where it is not there", () =>
    Effect.gen(function* () {
      const server = yield* redis()
      yield* Effect.promise(server.kill)
      const made = yield* proxyWith({ redis: server.url })
      assert.strictEqual((yield* made.ask).status, 200)
      assert.strictEqual(linesOf(made).length, 1)
      assert.match(linesOf(made).join(), /ECONNREFUSED.*works without it/)
      yield* Effect.promise(server.restart)
      yield* isUsed(made)
    })
  )

  it.live("is waited for, where something takes connections and never answers", () =>
    Effect.gen(function* () {
      const { url } = yield* listening(() => createTcpServer((socket) => void socket.on("error", () => {})))
      const made = yield* proxyWith({ redis: url })
      assert.strictEqual((yield* made.ask).status, 200)
      assert.match(linesOf(made).join(), /did not answer within/)
    })
  )

  it.live("ends the start where it is no Redis, or does not let the proxy in, and no secret is told", () =>
    Effect.gen(function* () {
      const closed = yield* redis({ password: "right-secret" })
      const open = yield* redis()
      const web = yield* listening(() => createServer((_, response) => void response.end("hello")))
      const withUser = (url: string, user: string) => url.replace("//", `//${user}@`)
      const cases: ReadonlyArray<readonly [url: string, exitCode: number, problem: RegExp]> = [
        [web.url, 2, /not Redis/],
        [closed.url, 3, /does not accept the user and the password/],
        [withUser(closed.url, ":wrong-secret"), 3, /does not accept the user and the password/],
        [withUser(closed.url, "somebody:wrong-secret"), 3, /does not accept the user and the password/],
        [`${open.url}/99`, 2, /no such database/],
        ["http://127.0.0.1:wrong-secret", 2, /expected redis:\/\//],
        ["redis://:wrong-secret@127.0.0.1/a", 2, /expected redis:\/\//],
        ["127.0.0.1:6379", 2, /expected redis:\/\//]
      ]
      for (const [url, exitCode, problem] of cases) {
        const error = yield* rejected({ redis: url })
        assert.match(error.message, problem)
        assert.strictEqual(error.exitCode, exitCode, error.message)
        assert.notInclude(error.message, "secret")
        assert.notInclude(error.message, "\n")
      }
      const made = yield* proxyWith({ redis: `${withUser(closed.url, "default:right-secret")}/3` })
      assert.strictEqual((yield* made.ask).status, 200)
      assert.strictEqual(yield* made.isUp, 1)
      assert.notInclude(made.proxy.logged.join(), "right-secret")
    })
  )
})

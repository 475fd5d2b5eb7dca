/**
 * The end of a server that is in use.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Agent, get as httpGet } from "node:http"
import { connect } from "node:net"
import { eventually, get, start } from "./support/Proxy.ts"

const withSimulator = <A, E>(
  options: Parameters<typeof Simulator.layer>[0],
  test: Effect.Effect<A, E, Simulator | import("effect").Scope.Scope>
) => test.pipe(Effect.scoped, Effect.provide(Simulator.layer({ sessions: 100, seed: "stop", ...options })))

/** One request over a kept connection: its status, or the code of the error, and whether it was sent at all. */
const ask = (url: string, token: string, agent: Agent) =>
  new Promise<number | string>((resolve) => {
    const request = httpGet(url, { agent, headers: { "x-api-key": token } }, (response) => {
      response.resume()
      response.on("end", () => resolve(response.statusCode ?? 0))
      response.on("error", (error) => resolve(`cut: ${error.message}`))
    })
    request.on("error", (error: Error & { code?: string }) => resolve(error.code ?? error.message))
  })

it.live(
  "loses no request under load: all that were sent are answered, and 0 is the exit code",
  () =>
    withSimulator(
      { latency: { min: 0, max: 40 } },
      Effect.gen(function* () {
        const proxy = yield* start(yield* Simulator, ["--drain", "1500ms", "--cache-fresh", "50ms", "--rate", "0"])
        const results = new Map<number | string, number>()
        const load = { isDone: false }
        const worker = async (page: number) => {
          const agent = new Agent({ keepAlive: true, maxSockets: 1 })
          while (!load.isDone) {
            // Each client sends one request after the other.
            // oxlint-disable-next-line no-await-in-loop
            const result = await ask(`${proxy.url}/api/sessions?page=${page}`, proxy.token, agent)
            if (load.isDone && result === "ECONNREFUSED") break
            results.set(result, (results.get(result) ?? 0) + 1)
          }
          agent.destroy()
        }
        const workers = Array.from({ length: 20 }, (_, index) => worker(index + 1))
        yield* Effect.sleep("700 millis")
        const stopping = yield* Effect.forkChild(proxy.stop("SIGTERM"))
        // The door is open for 1.5 s; the clients leave before it shuts, as they do when a balancer watches /readyz.
        yield* Effect.sleep("200 millis")
        assert.strictEqual((yield* get(`${proxy.adminUrl}/readyz`)).status, 503)
        const late = yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })
        assert.deepStrictEqual([late.status, late.headers.get("connection")], [200, "close"])
        yield* Effect.sleep("500 millis")
        load.isDone = true
        yield* Effect.promise(() => Promise.all(workers))
        const { code } = yield* Fiber.join(stopping)
        assert.deepStrictEqual([...results.keys()], [200], JSON.stringify([...results]))
        assert.isAbove(results.get(200) ?? 0, 100)
        assert.strictEqual(code, 0)
      })
    ),
  60_000
)

it.live("lets a stream finish, and closes kept connections", () =>
  withSimulator(
    { latency: "60 millis" },
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator, ["--read-concurrency", "1", "--cache-fresh", "0s"])
      yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })
      const response = yield* Effect.promise(() => fetch(`${proxy.url}/v1/sessions`, { headers: proxy.auth }))
      const stopping = yield* Effect.forkChild(proxy.stop("SIGTERM"))
      const text = yield* Effect.promise(() => response.text())
      assert.strictEqual(text.trimEnd().split("\n").length, 101)
      assert.isDefined(JSON.parse(text.trimEnd().split("\n").at(-1) ?? "").report)
      const { code } = yield* Fiber.join(stopping)
      assert.strictEqual(code, 0)
    })
  )
)

it.live("cuts what is not finished after the grace, and still exits with 0", () =>
  withSimulator(
    { faults: { rates: { hang: 1 } } },
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const proxy = yield* start(simulator, ["--grace", "300ms"])
      const hung = fetch(`${proxy.url}/api/sessions`, { headers: proxy.auth }).then(
        () => "answered",
        () => "cut"
      )
      yield* eventually(simulator.stats, ({ inFlight }) => inFlight === 1)
      const { code } = yield* proxy.stop("SIGTERM")
      assert.strictEqual(code, 0)
      assert.strictEqual(yield* Effect.promise(() => hung), "cut")
    })
  )
)

it.live("does not wait for a connection that asks for nothing", () =>
  withSimulator(
    {},
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator, ["--grace", "1h"])
      const socket = connect(Number(new URL(proxy.url).port), "127.0.0.1").on("error", () => {})
      yield* Effect.promise(() => new Promise<void>((resolve) => socket.once("connect", () => resolve())))
      yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })
      const { code } = yield* proxy.stop("SIGTERM")
      assert.strictEqual(code, 0)
      socket.destroy()
    })
  )
)

/**
 * The end of a server that is in use.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { connect } from "node:net"
import { eventually, get, start } from "./support/Proxy.ts"

const withSimulator = <A, E>(
  options: Parameters<typeof Simulator.layer>[0],
  test: Effect.Effect<A, E, Simulator | import("effect").Scope.Scope>
) => test.pipe(Effect.scoped, Effect.provide(Simulator.layer({ sessions: 100, seed: "stop", ...options })))

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

it.live("ends at once at the second signal, whatever is under way", () =>
  withSimulator(
    { faults: { rates: { hang: 1 } } },
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const proxy = yield* start(simulator, ["--grace", "1h"])
      const hung = fetch(`${proxy.url}/api/sessions`, { headers: proxy.auth }).then(
        () => "answered",
        () => "cut"
      )
      yield* eventually(simulator.stats, ({ inFlight }) => inFlight === 1)
      proxy.process.kill("SIGTERM")
      yield* eventually(get(`${proxy.adminUrl}/readyz`), ({ status }) => status === 503)
      // A signal that comes in the same breath as the first is the same one.
      yield* Effect.sleep("150 millis")
      const { code } = yield* proxy.stop("SIGTERM")
      assert.strictEqual(code, 143)
      assert.strictEqual(yield* Effect.promise(() => hung), "cut")
    })
  )
)

it.live("goes on serving when its log is no longer read", () =>
  withSimulator(
    { latency: "60 millis" },
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator, ["--read-concurrency", "1", "--cache-fresh", "0s"])
      const response = yield* Effect.promise(() => fetch(`${proxy.url}/v1/sessions`, { headers: proxy.auth }))
      proxy.process.stderr?.destroy()
      assert.strictEqual((yield* get(`${proxy.url}/api/sessions`)).status, 401)
      yield* eventually(get(`${proxy.adminUrl}/metrics`), ({ text }) =>
        /^hb_sessions_proxy_access_log_dropped [1-9]/m.test(text)
      )
      const text = yield* Effect.promise(() => response.text())
      assert.strictEqual(text.trimEnd().split("\n").length, 101)
      assert.strictEqual((yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })).status, 200)
      assert.strictEqual((yield* proxy.stop("SIGTERM")).code, 0)
    })
  )
)

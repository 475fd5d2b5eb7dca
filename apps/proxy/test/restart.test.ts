/**
 * Restarts under load: autocannon does not stop asking because a server does.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, type Scope } from "effect"
import { once } from "node:events"
import { type AddressInfo, connect, createServer } from "node:net"
import { join } from "node:path"
import { fire, type Ledger } from "./support/Load.ts"
import { createToken, directory, eventually, get, serve, start } from "./support/Proxy.ts"

const withSimulator = <A, E>(test: Effect.Effect<A, E, Simulator | Scope.Scope>) =>
  test.pipe(
    Effect.scoped,
    Effect.provide(Simulator.layer({ sessions: 100, seed: "restart", latency: { min: 0, max: 40 } }))
  )

const settings = ["--cache-fresh", "50ms", "--cache-stale", "0s", "--rate", "0"]

const total = ({ answered }: Ledger) => [...answered.values()].reduce((sum, count) => sum + count, 0)

it.live(
  "SIGTERM loses no request while connections are accepted: each is answered with 200, and every client is told to leave",
  () =>
    withSimulator(
      Effect.gen(function* () {
        const proxy = yield* start(yield* Simulator, [...settings, "--drain", "3s"])
        const load = yield* fire(`${proxy.url}/api/sessions?page=2`, proxy.auth)
        yield* eventually(Effect.succeed(load.ledger), (ledger) => total(ledger) > 100)
        assert.strictEqual(load.ledger.closing, 0)
        const stopping = yield* Effect.forkChild(proxy.stop("SIGTERM"))
        yield* eventually(get(`${proxy.adminUrl}/readyz`), ({ status }) => status === 503)
        const before = total(load.ledger)
        yield* eventually(Effect.succeed(load.ledger), (ledger) => total(ledger) > before + 100)
        // As they do when a balancer watches /readyz, the clients leave before connections are rejected.
        const { answered, closing, ...rest } = yield* load.stop
        assert.deepStrictEqual(
          { answered: [...answered.keys()], ...rest },
          { answered: [200], cut: 0, lost: 0, unreachable: 0 }
        )
        assert.isAtLeast(closing, 100)
        assert.strictEqual((yield* Fiber.join(stopping)).code, 0)
      })
    ),
  60_000
)

it.live(
  "SIGTERM drops no request that was accepted, cuts no answer and makes no 5xx, even if the load goes on to the end",
  () =>
    withSimulator(
      Effect.gen(function* () {
        const proxy = yield* start(yield* Simulator, [...settings, "--drain", "300ms"])
        const load = yield* fire(`${proxy.url}/api/sessions?page=2`, proxy.auth)
        yield* eventually(Effect.succeed(load.ledger), (ledger) => total(ledger) > 100)
        const { code, stderr } = yield* proxy.stop("SIGTERM")
        yield* eventually(Effect.succeed(load.ledger), ({ unreachable }) => unreachable > 0)
        const { answered, cut } = yield* load.stop
        assert.deepStrictEqual([code, [...answered.keys()], cut], [0, [200], 0])
        // The clients cannot tell a request that was never accepted from one that was dropped; the log can.
        const accepted = stderr
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line).status)
        assert.deepStrictEqual([...new Set(accepted)], [200])
        assert.isAtLeast(accepted.length, answered.get(200) ?? 0)
      })
    ),
  60_000
)

/** A balancer in front of the proxies: each connection goes to one that says it is ready. */
const balancer = (targets: ReadonlyArray<{ readonly url: string; readonly adminUrl: string }>) =>
  Effect.gen(function* () {
    let ready: ReadonlyArray<string> = []
    let turn = 0
    const look = Effect.gen(function* () {
      const found = yield* Effect.forEach(targets, ({ adminUrl, url }) =>
        Effect.promise(() =>
          fetch(`${adminUrl}/readyz`).then(
            ({ ok }) => (ok ? [url] : []),
            () => []
          )
        )
      )
      ready = found.flat()
    })
    yield* look
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("50 millis"), look)))
    const server = createServer((client) => {
      const { port } = new URL(ready[turn++ % ready.length] ?? "http://127.0.0.1:1")
      const upstream = connect(Number(port), "127.0.0.1")
      client.pipe(upstream)
      upstream.pipe(client)
      client.on("error", () => upstream.destroy())
      upstream.on("error", () => client.destroy())
    }).listen(0, "127.0.0.1")
    yield* Effect.promise(() => once(server, "listening"))
    yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })

it.live(
  "one instance after the other can be replaced behind a balancer that watches /readyz, and no client notices",
  () =>
    withSimulator(
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const file = join(yield* directory, "tokens.json")
        const token = yield* createToken(file, "team")
        const run = () => serve(simulator, file, [...settings, "--drain", "1s"])
        const first = yield* run()
        const second = yield* run()
        const third = yield* run()
        const url = yield* balancer([first, second, third])
        const load = yield* fire(`${url}/api/sessions?page=2`, { "x-api-key": token })
        yield* eventually(Effect.succeed(load.ledger), (ledger) => total(ledger) > 100)
        for (const proxy of [first, second]) {
          assert.strictEqual((yield* proxy.stop("SIGTERM")).code, 0)
        }
        const before = total(load.ledger)
        yield* eventually(Effect.succeed(load.ledger), (ledger) => total(ledger) > before + 50)
        const { answered, closing, ...rest } = yield* load.stop
        assert.deepStrictEqual(
          { answered: [...answered.keys()], ...rest },
          { answered: [200], cut: 0, lost: 0, unreachable: 0 }
        )
        assert.isAbove(closing, 0)
      })
    ),
  60_000
)

/**
 * Clients that take their time on purpose, by slowhttptest (Debian's), and a good one beside them.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { eventually, get, start } from "./support/Proxy.ts"

const reason = spawnSync("slowhttptest", ["-h"]).error === undefined ? undefined : "slowhttptest is not installed"
if (reason !== undefined) console.warn(`skipped: slow clients, because ${reason}`)

const CONNECTIONS = 60
/** Whole lists that may be read at a time. */
const STREAMS = 4

/** Runs until the server has got rid of all connections, or for half a minute. */
const slowhttptest = (url: string, connections: number, ...mode: ReadonlyArray<string>) =>
  Effect.callback<string>((resume) => {
    const general = ["-c", String(connections), "-r", String(connections), "-i", "1", "-l", "30"]
    const child = spawn("slowhttptest", [...mode, ...general, "-u", url], { stdio: ["ignore", "pipe", "ignore"] })
    let text = ""
    child.stdout.setEncoding("utf8").on("data", (data: string) => (text += data))
    child.on("close", () => resume(Effect.succeed(text)))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

layer(Simulator.layer({ sessions: 30_000, pageSize: 500, seed: "slow" }), { excludeTestServices: true })(
  "slow clients",
  (it) => {
    const setup = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
      const limits = [
        "--header-timeout",
        "2s",
        "--client-timeout",
        "2s",
        "--rate",
        "0",
        "--max-streams",
        String(STREAMS)
      ]
      const proxy = yield* start(yield* Simulator, [...limits, ...args])
      /** What the good client is answered until an attack ends. */
      const during = Effect.fnUntraced(function* <A>(attack: Effect.Effect<A>) {
        const statuses: Array<number> = []
        const good = Effect.gen(function* () {
          statuses.push((yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })).status)
          yield* Effect.sleep("20 millis")
        })
        const asking = yield* Effect.forkChild(Effect.forever(good))
        const result = yield* attack
        yield* Fiber.interrupt(asking)
        assert.isAbove(statuses.length, 5)
        assert.deepStrictEqual([...new Set(statuses)], [200])
        return result
      })
      return { proxy, during }
    })

    it.effect.skipIf(reason !== undefined)(
      "that dribble their headers are cut, and no other client waits for them",
      () =>
        Effect.gen(function* () {
          const { during, proxy } = yield* setup()
          const text = yield* during(slowhttptest(`${proxy.url}/api/sessions`, CONNECTIONS, "-H"))
          assert.include(text, "No open connections left")
          assert.notMatch(text, /service available:\s+\S*NO/)
        }).pipe(Effect.scoped)
    )

    it.effect.skipIf(reason !== undefined)("that dribble a body are rejected before it comes", () =>
      Effect.gen(function* () {
        const { during, proxy } = yield* setup()
        const text = yield* during(slowhttptest(`${proxy.url}/api/sessions`, CONNECTIONS, "-B", "-s", "8192"))
        assert.include(text, "No open connections left")
        assert.notMatch(text, /service available:\s+\S*NO/)
        const { text: metrics } = yield* get(`${proxy.adminUrl}/metrics`)
        const series = `hb_sessions_proxy_requests{route="none",status="400",cache="none"} ${CONNECTIONS}`
        assert.include(metrics.split("\n"), series)
      }).pipe(Effect.scoped)
    )

    it.effect.skipIf(reason !== undefined)("that read a little at a time are cut, although they never stop", () =>
      Effect.gen(function* () {
        const { during, proxy } = yield* setup("--without-tokens")
        let log = ""
        proxy.process.stderr?.on("data", (text: string) => (log += text))
        const cut = Effect.sync(() =>
          log
            .split("\n")
            .slice(0, -1)
            .map((line) => JSON.parse(line))
            // The probes of slowhttptest itself leave after a second.
            .filter(({ ms, route, status }) => route === "/v1/sessions" && status === 499 && ms > 2000)
        )
        // A few kilobytes a second of a long list.
        const slowly = ["-X", "-w", "8192", "-y", "16384", "-z", "4096", "-n", "1", "-p", "1"]
        const attack = yield* Effect.forkChild(slowhttptest(`${proxy.url}/v1/sessions`, STREAMS, ...slowly))
        yield* during(eventually(cut, (lines) => lines.length > 0))
        assert.isUndefined(attack.pollUnsafe(), "they were cut, and did not leave")
        yield* Fiber.interrupt(attack)
      }).pipe(Effect.scoped)
    )
  }
)

/**
 * Hostile clients of all kinds and honest ones on a small heap, for a few answers, or 5 minutes with
 * HB_SESSIONS_TEST_FULL=1.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { attack } from "./support/hostile.ts"
import { memoryOf } from "./support/Memory.ts"
import { createToken, eventually, get, start } from "./support/Proxy.ts"

const isFull = process.env["HB_SESSIONS_TEST_FULL"] === "1"
/** Seconds, beyond the answers that are waited for. */
const [WARM_UP, REST] = isFull ? [60, 240] : [0, 0]
/** What honest clients are to be answered, and nothing else. */
const ANSWERS = ["/api/sessions 200", "/v1/sessions.ndjson 200", "/v1/stats 200", "list proven"]
const MiB = 1024 * 1024
/** What the README says of memory, for a cache of 16 MiB and a queue of 16 MiB. */
const LARGEST = 340e6 + 1.25 * 16 * MiB + 16 * MiB

it.live(
  "hostile clients of all kinds cost honest ones no answer, and take no more memory as time goes on",
  () =>
    Effect.gen(function* () {
      const limits = ["--header-timeout", "2s", "--client-timeout", "3s", "--cache-bytes", "16m", "--max-queued", "16m"]
      const proxy = yield* start(yield* Simulator, [...limits, "--access-log", "errors"], {
        NODE_OPTIONS: "--max-old-space-size=300"
      })
      // What is logged is not what is measured, and must be read.
      proxy.process.stderr?.resume()
      const honest = { "x-api-key": yield* createToken(proxy.tokensFile, "honest", { rate: 100_000 }) }
      yield* eventually(get(`${proxy.url}/api/sessions`, { headers: honest }), ({ status }) => status === 200)

      const statuses = new Map<string, number>()
      const note = (name: string) => statuses.set(name, (statuses.get(name) ?? 0) + 1)
      const ask = (path: string) =>
        Effect.map(get(proxy.url + path, { headers: honest }), ({ status, text }) => {
          note(`${path.replace(/\?.*/, "")} ${status}`)
          return text
        })
      let page = 0
      const pages = Effect.andThen(
        Effect.suspend(() => ask(`/api/sessions?page=${(page++ % 50) + 1}`)),
        Effect.sleep("10 millis")
      )
      const sums = Effect.andThen(ask("/v1/stats"), Effect.sleep("500 millis"))
      const lists = Effect.andThen(
        Effect.map(ask("/v1/sessions.ndjson"), (text) => {
          const { report } = JSON.parse(text.trimEnd().split("\n").at(-1) ?? "")
          note(`list ${report?.completeness.status}`)
        }),
        Effect.sleep("500 millis")
      )
      const hostile = yield* Effect.forkChild(attack(proxy.url, proxy.token))
      const good = yield* Effect.forkChild(
        Effect.forEach([pages, pages, sums, lists], (one) => Effect.forever(one), { concurrency: "unbounded" })
      )
      const answered = (times: number) =>
        eventually(
          Effect.sync(() => ANSWERS.map((name) => statuses.get(name) ?? 0)),
          (counts) => counts.every((count) => count >= times)
        )
      yield* Effect.andThen(answered(1), Effect.sleep(`${WARM_UP} seconds`))
      const warm = memoryOf(proxy.process)
      yield* Effect.andThen(answered(3), Effect.sleep(`${REST} seconds`))
      const end = memoryOf(proxy.process)
      // Neither has an end of its own.
      assert.isUndefined(good.pollUnsafe())
      assert.isUndefined(hostile.pollUnsafe())
      yield* Effect.andThen(Fiber.interrupt(good), Fiber.interrupt(hostile))
      console.log(`${Math.round(warm / 1e6)} MB when warm, ${Math.round(end / 1e6)} MB at the end`)
      console.log(JSON.stringify(Object.fromEntries(statuses)))
      assert.deepStrictEqual([...statuses.keys()].toSorted(), ANSWERS)
      assert.isBelow(end, LARGEST)
      if (isFull) assert.isBelow(end, 1.3 * warm)
    }).pipe(Effect.scoped, Effect.provide(Simulator.layer({ sessions: 2000, pageSize: 100, seed: "soak" }))),
  (WARM_UP + REST) * 1000 + 120_000
)

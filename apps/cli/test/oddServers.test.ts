/**
 * Servers that number or count their pages in odd ways, read by the installed program.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { KEY, lines, run, runAt, withServer } from "./Cli.ts"

/** A server whose pages a function makes, and how often it was asked. */
const liar = <A, E, R>(
  answer: (page: number) => object,
  use: (env: Record<string, string>, requests: () => number) => Effect.Effect<A, E, R>
) => {
  let requests = 0
  return withServer(
    ({ url = "" }, response) => {
      requests++
      const page = Number(new URL(url, "http://127.0.0.1").searchParams.get("page") ?? 1)
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer(page)))
    },
    (env) => use(env, () => requests)
  )
}

const rowsOf = (page: number) =>
  Array.from({ length: 10 }, (_, index) => ({
    id: `${String(page).padStart(8, "0")}-0000-4000-8000-${String(index).padStart(12, "0")}`,
    status: "closed",
    createdAt: new Date(1_700_000_000_000 - (page * 10 + index) * 1000).toISOString()
  }))

layer(Simulator.layer({ sessions: 95, apiKey: KEY, firstPage: 0, stats: true }), { excludeTestServices: true })(
  "a server that calls its first page 0",
  (it) => {
    it.effect("is read as any other, and doctor names it", () =>
      Effect.gen(function* () {
        const { stats, world } = yield* Simulator
        const [first = ""] = world.ids()
        const list = yield* runAt(["list", "--all", "--strict", "--format", "ndjson"])
        assert.deepStrictEqual([list.code, lines(list.stdout).length], [0, 95])
        assert.strictEqual((yield* runAt(["get", first])).code, 0)
        assert.strictEqual((yield* runAt(["stats"])).code, 0)
        const doctor = yield* runAt(["doctor"])
        assert.strictEqual(doctor.code, 0)
        assert.match(doctor.stdout, /^warn {2}contract +page is 0 for the first page, not 1/m)
        assert.isAtMost((yield* stats).requests, 80)
      })
    )
  }
)

describe("a server that calls every page 0", () => {
  for (const args of [["list"], ["list", "--all"], ["get", "x"], ["stats"], ["watch", "--until-idle"]]) {
    it.live(`${args.join(" ")} fails after a few requests`, () =>
      liar(
        (page) => ({ sessions: rowsOf(page), totalCount: 1000, page: 0, pageSize: 10 }),
        (env, requests) =>
          Effect.gen(function* () {
            const { code, stderr } = yield* run(args, { env })
            assert.isAtMost(requests(), 20)
            if (args.length === 1 && args[0] === "list") return
            assert.strictEqual(code, 7)
            assert.match(stderr, /got page 0: the server called its first page 0/)
          })
      )
    )
  }
})

/**
 * Servers that number or count their pages in odd ways.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import manifest from "../package.json" with { type: "json" }
import { KEY, lines, run, runAt, servesPage, withServer } from "./Cli.ts"

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

describe("rows that are no sessions, and values without a meaning", () => {
  const odd = servesPage([
    { id: "a", creditsUsed: "free", launchState: { useProxy: "maybe" }, createdAt: "2026-02-03T00:00:00Z" },
    { id: null, status: "closed" },
    [7],
    { id: "b", launchState: { useProxy: "perhaps" }, createdAt: "2026-02-02T00:00:00Z" }
  ])
  const runOdd = (...args: ReadonlyArray<string>) => withServer(odd, (env) => run(args, { env }))
  const LEFT_OUT = "2 rows without a usable id left out"
  const IGNORED = "3 values without a meaning taken as absent"

  it.live("are in the summary of a whole list", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runOdd("list", "--all", "--strict")
      assert.deepStrictEqual([code, lines(stdout).length], [0, 2])
      assert.match(
        stderr,
        new RegExp(`^2 sessions, complete \\(proven\\), ${LEFT_OUT}, ${IGNORED}, \\d+ requests, .+\n$`)
      )
      assert.strictEqual((yield* runOdd("list", "--all", "--quiet")).stderr, "")
    })
  )

  for (const args of [["list"], ["list", "--page", "1"], ["list", "--limit", "2"], ["list", "--sort", "id"]]) {
    it.live(`are reported by ${args.join(" ")}`, () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* runOdd(...args)
        assert.deepStrictEqual([code, lines(stdout).length], [0, 2])
        assert.strictEqual(stderr, `${LEFT_OUT}; hb-sessions doctor shows what is wrong with them\n`)
      })
    )
  }

  for (const args of [["stats"], ["count", "--min-credits", "0"]]) {
    it.live(`are reported by ${args.join(" ")}, whose numbers lack them`, () =>
      Effect.gen(function* () {
        const { code, stderr } = yield* runOdd(...args)
        assert.strictEqual(code, 0)
        assert.include(stderr, `${LEFT_OUT}, ${IGNORED}`)
      })
    )
  }

  it.live("are explained by doctor", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* runOdd("doctor")
      assert.strictEqual(code, 0)
      const found = lines(stdout).flatMap((line) => /^warn {2}contract +(.*)$/.exec(line)?.[1] ?? [])
      assert.deepStrictEqual(found, [
        "creditsUsed has 1 value without a meaning; taken as absent",
        "launchState.useProxy has 2 values without a meaning; taken as absent",
        "2 rows without a usable id (id-missing, not-an-object); no list has them"
      ])
    })
  )

  it.live("null where the contract has none is read all the same, and doctor says where", () =>
    withServer(servesPage([{ id: "a", teamId: null }]), (env) =>
      Effect.gen(function* () {
        const list = yield* run(["list", "--all"], { env })
        assert.match(list.stderr, /^1 session, complete \(proven\), \d+ requests/)
        const { code, stdout } = yield* run(["doctor"], { env })
        assert.strictEqual(code, 0)
        assert.match(
          stdout,
          /^warn {2}contract +sessions\[0\]\.teamId is not as the contract says; it is read all the same$/m
        )
      })
    )
  )
})

describe("a total that no list has", () => {
  for (const totalCount of [-1, 1.5, 1e300]) {
    it.live(`${totalCount}: count reads the list instead`, () =>
      liar(
        (page) => ({ sessions: page === 1 ? [{ id: "a", status: "closed" }] : [], totalCount, page, pageSize: 10 }),
        (env) =>
          Effect.gen(function* () {
            const { code, stdout } = yield* run(["count"], { env })
            assert.strictEqual(code, 0)
            assert.deepStrictEqual(JSON.parse(stdout), { sessions: 1, byStatus: { closed: 1 } })
          })
      )
    )
  }
})

describe("any server", () => {
  it.live("receives the name and the version of the program", () => {
    const agents = new Set<string | undefined>()
    return withServer(
      (request, response) => {
        agents.add(request.headers["user-agent"])
        servesPage(rowsOf(1))(request, response)
      },
      (env) =>
        Effect.gen(function* () {
          yield* run(["list"], { env })
          yield* run(["doctor"], { env })
          assert.deepStrictEqual([...agents], [`hb-sessions/${manifest.version}`])
        })
    )
  })
})

describe("a server that answers all its sessions in one page", () => {
  // More than a call takes as arguments.
  const MANY = 150_000
  const page = JSON.stringify({
    sessions: Array.from({ length: MANY }, (_, index) => ({
      id: `s${index}`,
      status: "closed",
      createdAt: new Date(1_700_000_000_000 - index * 1000).toISOString()
    })),
    totalCount: MANY,
    page: 1,
    pageSize: MANY
  })

  for (const args of [
    ["--format", "table"],
    ["--format", "csv", "--sort", "createdAt"]
  ]) {
    it.live(`list --all ${args.join(" ")} shows every one`, () =>
      withServer(
        (_, response) => void response.writeHead(200, { "content-type": "application/json" }).end(page),
        (env) =>
          Effect.gen(function* () {
            const { code, stderr, stdout } = yield* run(["list", "--all", ...args], { env })
            assert.deepStrictEqual([code, lines(stdout).length], [0, MANY + 1], stderr)
          })
      )
    )
  }
})

/**
 * `hb-sessions list` against the simulator.
 */
import { TELL_MEMORY, toldMemory } from "@hb-sessions/app-kit/tellMemory"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { parse as parseCsv } from "csv-parse/sync"
import { parse as parseYaml } from "yaml"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { baseEnv, bin, KEY, lines, rows, run, runAt, runInstalledAt, scratch, withServer } from "./Cli.ts"

const options = { sessions: 57, apiKey: KEY, seed: "cli", closeErrorShare: 0.1, extraFields: true }

layer(Simulator.layer(options), { excludeTestServices: true })("list", (it) => {
  const list = (...args: ReadonlyArray<string>) =>
    Effect.map(runAt(["list", "--quiet", ...args]), ({ code, stderr, stdout }) => {
      assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
      return stdout
    })

  const all = Effect.map(list("--all"), rows)

  it.effect("prints the newest 20 as NDJSON without colour when stdout is not a terminal", () =>
    Effect.gen(function* () {
      const stdout = yield* list()
      const found = rows(stdout)
      assert.lengthOf(found, 20)
      const times = found.map(({ createdAt }) => createdAt)
      assert.deepStrictEqual(times, times.toSorted().toReversed())
      assert.notInclude(stdout, "\u001B")
    })
  )

  it.effect("stops at --limit", () =>
    Effect.gen(function* () {
      assert.lengthOf(rows(yield* list("--limit", "3")), 3)
      assert.lengthOf(rows(yield* list("-n", "31")), 31)
      assert.lengthOf(rows(yield* list("-n1")), 1)
      assert.lengthOf(rows(yield* list("-n", "3", "--status", "closed", "--min-credits", "0.01")), 3)
    })
  )

  it.effect("prints every session once with --all, and the report as one line on stderr", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runAt(["ls", "--all"])
      assert.strictEqual(code, 0)
      assert.match(stderr, /^57 sessions, complete \(proven\), \d+ requests, [\d.]+ m?s\n$/)
      const ids = rows(stdout).map(({ id }) => id)
      assert.lengthOf(ids, 57)
      assert.lengthOf([...new Set(ids)], 57)
    })
  )

  describe("formats, read back by other parsers", () => {
    it.effect("json is one document with the sessions as the API sent them", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(JSON.parse(yield* list("--all", "--format", "json")), yield* all)
        assert.deepStrictEqual(JSON.parse(yield* list("--all", "-f", "json", "--team", "none")), [])
      })
    )

    it.effect("yaml is the same", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(parseYaml(yield* list("--all", "--format", "yaml")), yield* all)
        assert.deepStrictEqual(parseYaml(yield* list("--all", "-f", "yaml", "--team", "none")), [])
      })
    )

    it.effect("csv and tsv have a column a field", () =>
      Effect.gen(function* () {
        const sessions = yield* all
        const columns = ["id", "status", "createdAt", "creditsUsed", "launchState.useProxy"]
        const text = yield* list("--all", "--format", "csv", "--columns", columns.join(","))
        const decoded: ReadonlyArray<ReadonlyArray<string>> = parseCsv(text)
        const expected = sessions.map(({ createdAt, creditsUsed, id, launchState, status }) =>
          [id, status, createdAt, creditsUsed, launchState?.useProxy].map((value) => String(value ?? ""))
        )
        assert.deepStrictEqual(decoded, [columns, ...expected])
        const tsv = lines(yield* list("--all", "--format", "tsv", "--columns", columns.join(",")))
        assert.deepStrictEqual(
          tsv.map((line) => line.split("\t")),
          [columns, ...expected]
        )
      })
    )

    it.effect("table has a line a session", () =>
      Effect.gen(function* () {
        const [header, ...body] = lines(yield* list("--all", "--format", "table"))
        assert.match(header ?? "", /^ID +STATUS +CREATED \(UTC\) +LASTED +CREDITS$/)
        assert.deepStrictEqual(
          body.map((line) => line.split(" ")[0]),
          (yield* all).map(({ id }) => id)
        )
        assert.strictEqual(yield* list("--team", "none", "--format", "table"), "No sessions.\n")
      })
    )

    it.effect("--columns keeps the shape of the records in JSON, NDJSON and YAML", () =>
      Effect.gen(function* () {
        const whole = yield* all
        const expected = whole.map(({ createdAt, id, launchState, startTime }) => {
          const width = launchState?.screen?.width
          return { id, startTime, createdAt, ...(width === undefined ? {} : { launchState: { screen: { width } } }) }
        })
        assert.isTrue(expected.some(({ launchState }) => launchState !== undefined))
        const columns = ["--all", "--columns", "id,startTime,createdAt,launchState.screen.width"]
        const plain = (text: string): unknown => JSON.parse(text)
        assert.deepStrictEqual(rows(yield* list(...columns)), plain(JSON.stringify(expected)))
        assert.deepStrictEqual(plain(yield* list(...columns, "--format", "json")), plain(JSON.stringify(expected)))
        assert.deepStrictEqual(parseYaml(yield* list(...columns, "--format", "yaml")), plain(JSON.stringify(expected)))
        assert.deepStrictEqual(rows(yield* list("--all", "--columns", "*")), whole)
      })
    )
  })

  describe("filters", () => {
    const where = (keep: (session: any) => boolean) =>
      Effect.map(all, (sessions) => sessions.filter(keep).map(({ id }) => id))
    const ids = (...args: ReadonlyArray<string>) =>
      Effect.map(list("--all", ...args), (text) => rows(text).map(({ id }) => id))

    it.effect("--status, once and repeated", () =>
      Effect.gen(function* () {
        const one = yield* ids("--status", "closed")
        assert.isNotEmpty(one)
        assert.deepStrictEqual(one, yield* where(({ status }) => status === "closed"))
        assert.deepStrictEqual(
          yield* ids("-s", "active", "-s", "error"),
          yield* where(({ status }) => status === "active" || status === "error")
        )
      })
    )

    it.effect("--since and --until, --min-credits, --team", () =>
      Effect.gen(function* () {
        const [since, until] = ["2025-12-01", "2025-12-30T12:00Z"]
        assert.deepStrictEqual(
          yield* ids("--since", since, "--until", until),
          yield* where(({ createdAt }) => createdAt >= since && createdAt < until)
        )
        assert.deepStrictEqual(yield* ids("--min-credits", "1"), yield* where(({ creditsUsed }) => creditsUsed >= 1))
        const [{ teamId } = { teamId: "" }] = yield* all
        assert.deepStrictEqual(yield* ids("--team", teamId), yield* where((session) => session.teamId === teamId))
        assert.isEmpty(yield* ids("--since", "1h"))
      })
    )

    it.effect("--sort orders everything before --limit cuts; missing values come last", () =>
      Effect.gen(function* () {
        const credits = (yield* all).map(({ creditsUsed }) => creditsUsed ?? null)
        const present = credits.filter((value) => value !== null).toSorted((a, b) => a - b)
        const sorted = rows(yield* list("--all", "--sort", "creditsUsed")).map(({ creditsUsed }) => creditsUsed ?? null)
        assert.deepStrictEqual(sorted, [...present, ...credits.filter((value) => value === null)])
        const top = rows(yield* list("-n", "3", "--sort", "creditsUsed:desc")).map(({ creditsUsed }) => creditsUsed)
        assert.deepStrictEqual(top, present.toReversed().slice(0, 3))
      })
    )

    it.effect("--page is one page of the API", () =>
      Effect.gen(function* () {
        const page = rows(yield* list("--page", "2", "--page-size", "7"))
        assert.deepStrictEqual(page, (yield* all).slice(7, 14))
      })
    )
  })

  describe("--output", () => {
    it.effect("writes the file, and nothing to stdout", () =>
      Effect.gen(function* () {
        const file = join(scratch(), "sessions.ndjson")
        assert.strictEqual(yield* list("--all", "--output", file), "")
        assert.deepStrictEqual(rows(readFileSync(file, "utf8")), yield* all)
      })
    )

    it.effect("leaves the earlier file when --strict fails", () =>
      Effect.gen(function* () {
        const directory = scratch()
        const file = join(directory, "sessions.ndjson")
        writeFileSync(file, "earlier")
        const answer = (url = "") => JSON.stringify({ sessions: /page=1\b/.test(url) ? [{ id: "a" }] : [] })
        const { code, stderr } = yield* withServer(
          ({ url }, response) => response.writeHead(200, { "content-type": "application/json" }).end(answer(url)),
          (env) => run(["list", "--all", "--strict", "--output", file], { env })
        )
        assert.strictEqual(code, 5)
        assert.notInclude(stderr, "--resume")
        assert.strictEqual(readFileSync(file, "utf8"), "earlier")
        assert.deepStrictEqual(readdirSync(directory), ["sessions.ndjson"])
      })
    )
  })

  it.effect("ends quietly with 0 when the reader goes away", () =>
    Effect.gen(function* () {
      const { apiKey, url } = yield* Simulator
      for (const format of ["ndjson", "json", "csv", "table"]) {
        const result = yield* Effect.promise(async () => {
          const env = baseEnv({ HYPERBROWSER_API_KEY: apiKey, HYPERBROWSER_BASE_URL: url })
          const child = spawn(bin, ["list", "--all", "--format", format], { env, stdio: ["ignore", "pipe", "pipe"] })
          let stderr = ""
          child.stderr.on("data", (data) => (stderr += String(data)))
          child.stdout.destroy()
          const [code] = await once(child, "close")
          return { code, stderr }
        })
        assert.deepStrictEqual(result, { code: 0, stderr: "" })
      }
    })
  )

  it.effect("--quiet says nothing; --verbose prints requests and the report; --log-format json is JSON", () =>
    Effect.gen(function* () {
      const verbose = yield* runAt(["list", "--all", "--verbose"])
      assert.match(verbose.stderr, /^GET \/api\/sessions\?page=1 200 \d+ ms$/m)
      assert.match(verbose.stderr, /^report \{"consistency":"verified"/m)
      const json = yield* runAt(["list", "--all", "--verbose", "--log-format", "json"])
      for (const line of rows(json.stderr)) assert.containsAllKeys(line, ["time", "level", "message"])
    })
  )
})

const SESSIONS = 300

layer(Simulator.layer({ sessions: SESSIONS, apiKey: KEY, latency: "30 millis" }), { excludeTestServices: true })(
  "an interruption",
  (it) => {
    for (const format of ["ndjson", "csv"]) {
      it.effect(`exits with 130 and a token, with which ${format} resumes without a gap or a repetition`, () =>
        Effect.gen(function* () {
          const args = ["list", "--all", "--format", format, "--concurrency", "1"]
          const first = yield* runInstalledAt(args, { afterLines: [35, (child) => child.kill("SIGINT")] })
          assert.strictEqual(first.code, 130)
          const [, count, token = ""] =
            /^stopped after (\d+) sessions; resume with the same flags and --resume (\S+)\n$/.exec(first.stderr) ?? []
          const second = yield* runAt([...args, "--quiet", "--resume", token])
          assert.deepStrictEqual({ code: second.code, stderr: second.stderr }, { code: 0, stderr: "" })
          const whole = lines(first.stdout + second.stdout)
          const header = format === "csv" ? 1 : 0
          assert.isBelow(Number(count), SESSIONS)
          assert.lengthOf(lines(first.stdout), Number(count) + header)
          assert.lengthOf(whole, SESSIONS + header)
          assert.lengthOf([...new Set(whole)], SESSIONS + header)
        })
      )
    }

    it.effect("leaves no file with --output, and says so", () =>
      Effect.gen(function* () {
        const directory = scratch()
        const file = join(directory, "sessions.csv")
        const { apiKey, url } = yield* Simulator
        const env = baseEnv({ HYPERBROWSER_API_KEY: apiKey, HYPERBROWSER_BASE_URL: url })
        const result = yield* Effect.promise(async () => {
          const child = spawn(bin, ["list", "--all", "--verbose", "--concurrency", "1", "--output", file], { env })
          let stderr = ""
          child.stderr.on("data", (data) => {
            stderr += String(data)
            // Once only: a second one, when the program has done with the first, would end it by force.
            if (stderr.split("\n").length > 4 && !child.killed) child.kill("SIGINT")
          })
          const [code] = await once(child, "close")
          return { code, stderr }
        })
        assert.strictEqual(result.code, 130)
        assert.include(result.stderr, `${file} was not changed`)
        assert.isEmpty(readdirSync(directory))
      })
    )
  }
)

/** Fewer sessions in less of a heap show the same: with `--sort`, which keeps them all, it is full. */
const [LONG, HEAP] = process.env["HB_LONG_TEST_FULL"] === "1" ? [100_000, 48] : [30_000, 40]

layer(Simulator.layer({ sessions: LONG, apiKey: KEY }), { excludeTestServices: true })("a long list", (it) => {
  it.effect(
    `of ${LONG} sessions is printed with little room for new objects, which do not grow old`,
    () =>
      Effect.gen(function* () {
        const args = ["list", "--all", "--page-size", "100", "--format", "csv"]
        const { code, stderr } = yield* runInstalledAt(args, { env: { NODE_OPTIONS: TELL_MEMORY } })
        assert.strictEqual(code, 0)
        const { aged, room } = toldMemory(stderr)
        // 32 MB, or twice that where a busy machine is late; without a bound it is 128 MB.
        assert.isAtMost(room, 64)
        // Some 3 kB a page, and what the program itself is. Pages that garbage keeps are 100 kB each.
        assert.isAtMost(aged, 10 + LONG / 2500)
        const stats = ["stats", "--page-size", "100", "--concurrency", "16"]
        // In less room, where more is collected. With a `Set` of deadlines it would be 20.
        const env = { NODE_OPTIONS: `${TELL_MEMORY} --max-semi-space-size=8` }
        const counted = yield* runInstalledAt(stats, { env })
        assert.strictEqual(counted.code, 0)
        assert.isAtMost(toldMemory(counted.stderr).aged, 15)
      }),
    600_000
  )

  it.effect(
    `of ${LONG} sessions is printed in a heap of ${HEAP} MB, which could not hold them`,
    () =>
      Effect.gen(function* () {
        const { apiKey, url } = yield* Simulator
        const env = baseEnv({
          HYPERBROWSER_API_KEY: apiKey,
          HYPERBROWSER_BASE_URL: url,
          NODE_OPTIONS: `--max-old-space-size=${HEAP}`
        })
        const result = yield* Effect.promise(async () => {
          const child = spawn(bin, ["list", "--all", "--page-size", "100", "--format", "csv"], { env })
          let count = 0
          let stderr = ""
          child.stdout.on("data", (data: Buffer) => {
            for (const byte of data) if (byte === 10) count++
          })
          child.stderr.on("data", (data) => (stderr += String(data)))
          const [code] = await once(child, "close")
          return { code, count, stderr }
        })
        assert.deepStrictEqual([result.code, result.count], [0, LONG + 1])
        assert.match(result.stderr, new RegExp(`^${LONG.toLocaleString("en")} sessions, complete \\(proven\\), `))
      }),
    600_000
  )
})

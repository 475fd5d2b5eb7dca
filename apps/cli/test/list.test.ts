/**
 * The built `hb-sessions list` as a process, against the simulator and against servers that misbehave.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"

const bin = fileURLToPath(new URL("../dist/bin.js", import.meta.url))
const KEY = "hb_canary_cli_77"

/** Runs the command against the given server, without retries. */
const hbSessions = (args: ReadonlyArray<string>, env: Bin.Env) =>
  Bin.run(bin, args, { HB_SESSIONS_RETRIES: "0", ...env })

const lines = (text: string) => text.split("\n").slice(0, -1)

layer(Simulator.layer({ sessions: 57, apiKey: KEY, seed: "cli" }), { excludeTestServices: true })(
  "against the simulator",
  (it) => {
    const list = (...args: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const { apiKey, url } = yield* Simulator
        const exited = yield* hbSessions(["list", ...args], {
          HYPERBROWSER_API_KEY: apiKey,
          HYPERBROWSER_BASE_URL: url
        })
        assert.strictEqual(exited.stderr, "")
        assert.strictEqual(exited.code, 0)
        return exited.stdout
      })

    it.effect("prints 20 sessions as NDJSON when stdout is not a terminal", () =>
      Effect.gen(function* () {
        const rows = lines(yield* list()).map((line) => JSON.parse(line))
        assert.lengthOf(rows, 20)
        for (const row of rows) assert.isString(row.id)
      })
    )

    it.effect("prints every session exactly once with --all, in every format", () =>
      Effect.gen(function* () {
        const ndjson = lines(yield* list("--all", "--format", "ndjson")).map((line) => JSON.parse(line))
        assert.strictEqual(new Set(ndjson.map((row) => row.id)).size, 57)
        assert.deepStrictEqual(JSON.parse(yield* list("--all", "--format", "json")), ndjson)
        const ids = ndjson.map((row) => row.id)
        const [header, ...rows] = lines(yield* list("--all", "--format", "table"))
        assert.match(header ?? "", /^ID +STATUS +CREATED \(UTC\) +DURATION +CREDITS$/)
        assert.deepStrictEqual(
          rows.map((row) => row.split(" ")[0]),
          ids
        )
        const [csvHeader, ...csvRows] = lines(yield* list("--all", "--format", "csv"))
        assert.match(csvHeader ?? "", /^id,teamId,status,/)
        assert.deepStrictEqual(
          csvRows.map((row) => row.split(",")[0]),
          ids
        )
      })
    )

    it.effect("stops at --limit, and asks for no page beyond it", () =>
      Effect.gen(function* () {
        assert.lengthOf(lines(yield* list("--limit", "3")), 3)
        assert.lengthOf(lines(yield* list("-n", "31")), 31)
      })
    )

    it.effect("filters by --status", () =>
      Effect.gen(function* () {
        const rows = lines(yield* list("--all", "--status", "closed")).map((line) => JSON.parse(line))
        assert.isAbove(rows.length, 0)
        for (const row of rows) assert.strictEqual(row.status, "closed")
      })
    )

    it.effect("ends quietly when the reader goes away", () =>
      Effect.gen(function* () {
        const { apiKey, url } = yield* Simulator
        const result = yield* Effect.promise(async () => {
          const env = { PATH: process.env["PATH"], HYPERBROWSER_API_KEY: apiKey, HYPERBROWSER_BASE_URL: url }
          const child = spawn(process.execPath, [bin, "list", "--all"], { env, stdio: ["ignore", "pipe", "pipe"] })
          let stderr = ""
          child.stderr.on("data", (data) => (stderr += String(data)))
          child.stdout.destroy()
          const [code] = await once(child, "close")
          return { code, stderr }
        })
        assert.deepStrictEqual(result, { code: 0, stderr: "" })
      })
    )

    it.effect("refuses a wrong key with one line and exit code 3, without repeating the key", () =>
      Effect.gen(function* () {
        const { url } = yield* Simulator
        const env = { HYPERBROWSER_API_KEY: "hb_wrong_key", HYPERBROWSER_BASE_URL: url }
        const { code, stderr, stdout } = yield* hbSessions(["list"], env)
        assert.strictEqual(code, 3)
        assert.strictEqual(stdout, "")
        assert.match(stderr, /^hb-sessions: page 1: the API key was refused \(HTTP 401\).*HYPERBROWSER_API_KEY.*\n$/)
        assert.notInclude(stderr, "hb_wrong_key")
      })
    )
  }
)

/** A server on a free port, for the answers that the simulator does not give. */
const withServer = <A>(listener: RequestListener, use: (env: Bin.Env) => Effect.Effect<A>) =>
  Effect.acquireUseRelease(
    Effect.promise(async () => {
      const server = createServer(listener).listen(0, "127.0.0.1")
      await once(server, "listening")
      return server
    }),
    (server) => {
      const { port } = server.address() as AddressInfo
      return use({ HYPERBROWSER_API_KEY: KEY, HYPERBROWSER_BASE_URL: `http://127.0.0.1:${port}` })
    },
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )

describe("failures", () => {
  const oneLine = /^hb-sessions: [^\n]+\n$/

  it.live("an upstream that is down: exit code 4", () =>
    Effect.gen(function* () {
      const env = yield* withServer(() => {}, Effect.succeed)
      const { code, stderr } = yield* hbSessions(["list"], env)
      assert.strictEqual(code, 4)
      assert.match(stderr, oneLine)
      assert.include(stderr, "ECONNREFUSED")
    })
  )

  it.live("an answer that is not the API's: exit code 7", () =>
    withServer(
      (_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html></html>"),
      (env) =>
        Effect.gen(function* () {
          const { code, stderr } = yield* hbSessions(["list"], env)
          assert.strictEqual(code, 7)
          assert.match(stderr, oneLine)
        })
    )
  )

  it.live("no key: exit code 3, and the variable to set", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* hbSessions(["list"], {})
      assert.strictEqual(code, 3)
      assert.match(stderr, oneLine)
      assert.include(stderr, "set HYPERBROWSER_API_KEY")
    })
  )

  it.live("an interruption: exit code 130, promptly and without a word", () =>
    withServer(
      () => {},
      (env) =>
        Effect.promise(async () => {
          const child = spawn(process.execPath, [bin, "list"], { env: { PATH: process.env["PATH"], ...env } })
          let output = ""
          child.stdout.on("data", (data) => (output += String(data)))
          child.stderr.on("data", (data) => (output += String(data)))
          setTimeout(() => child.kill("SIGINT"), 1000)
          const [code] = await once(child, "close")
          assert.deepStrictEqual({ code, output }, { code: 130, output: "" })
        })
    )
  )

  for (const [name, args, hint] of [
    ["an unknown command", ["lst"], "list"],
    ["an unknown flag", ["list", "--frmat", "csv"], "--format"],
    ["an unknown format", ["list", "--format", "xml"], "ndjson"],
    ["a limit of 0", ["list", "--limit", "0"], "at least 1"],
    ["--all with --limit", ["list", "--all", "--limit", "5"], "exclude each other"]
  ] as const) {
    it.live(`${name}: exit code 2, said on stderr with a hint`, () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* hbSessions(args, { HYPERBROWSER_API_KEY: KEY })
        assert.strictEqual(code, 2)
        assert.strictEqual(stdout, "")
        assert.include(stderr, hint)
        assert.notInclude(stderr, "Schema validation")
      })
    )
  }
})

describe("text from the API", () => {
  it.live("cannot move the cursor or colour the terminal from a table", () =>
    withServer(
      (_, response) =>
        response.writeHead(200, { "content-type": "application/json" }).end(
          JSON.stringify({
            sessions: [{ id: "a\u001b[31mred", status: "x\r\ny" }],
            totalCount: 1,
            page: 1,
            pageSize: 10
          })
        ),
      (env) =>
        Effect.gen(function* () {
          const { stdout } = yield* hbSessions(["list", "--format", "table"], env)
          assert.notInclude(stdout, "\u001b")
          assert.lengthOf(lines(stdout), 2)
        })
    )
  )

  it.live("keeps keys that the contract does not name, in JSON", () =>
    withServer(
      (_, response) =>
        response.writeHead(200, { "content-type": "application/json" }).end(
          JSON.stringify({
            sessions: [{ id: "a", status: "close-error", sessionUrl: "u", launchState: { allowOut: ["x"] } }]
          })
        ),
      (env) =>
        Effect.gen(function* () {
          const { stdout } = yield* hbSessions(["list", "--limit", "1", "--format", "json"], env)
          assert.deepStrictEqual(JSON.parse(stdout), [
            { id: "a", status: "close-error", launchState: { allowOut: ["x"] }, sessionUrl: "u" }
          ])
        })
    )
  )
})

describe("help", () => {
  it.live("names every command and flag, on stdout, with exit code 0", () =>
    Effect.gen(function* () {
      const root = yield* hbSessions(["--help"], {})
      assert.strictEqual(root.code, 0)
      assert.include(root.stdout, "list, ls")
      const { code, stdout } = yield* hbSessions(["list", "--help"], {})
      assert.strictEqual(code, 0)
      for (const flag of ["--status", "--limit", "--all", "--format"]) assert.include(stdout, flag)
    })
  )
})

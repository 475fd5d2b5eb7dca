/**
 * How commands fail: exit codes, one line, and never the key.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { join } from "node:path"
import { KEY, run, runAt, runInstalled, scratch, servesPage, withServer } from "./Cli.ts"

const oneLine = /^hb-sessions: [^\n]+\n$/

describe("exit codes", () => {
  it.live("3 without a key, with what to do", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run(["list"])
      assert.strictEqual(code, 3)
      assert.match(stderr, oneLine)
      assert.include(stderr, "set HYPERBROWSER_API_KEY")
      assert.include(stderr, "hb-sessions auth login")
    })
  )

  it.live("4 for an upstream that is down", () =>
    Effect.gen(function* () {
      const env = yield* withServer(() => {}, Effect.succeed)
      const { code, stderr } = yield* run(["list"], { env })
      assert.strictEqual(code, 4)
      assert.match(stderr, oneLine)
      assert.include(stderr, "ECONNREFUSED")
    })
  )

  it.live("7 for an answer that is not the API's", () =>
    withServer(
      (_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html></html>"),
      (env) =>
        Effect.gen(function* () {
          const { code, stderr } = yield* run(["list"], { env })
          assert.strictEqual(code, 7)
          assert.match(stderr, oneLine)
        })
    )
  )

  it.live("2 for a file that cannot be written", () =>
    withServer(servesPage([]), (env) =>
      Effect.gen(function* () {
        const { code, stderr } = yield* run(["list", "--output", join(scratch(), "no", "where")], { env })
        assert.strictEqual(code, 2)
        assert.match(stderr, /^hb-sessions: [^\n]+ cannot be written[^\n]+\n$/)
      })
    )
  )

  it.live("130 for an interruption, without a word when nothing was read", () =>
    withServer(
      () => {},
      (env) =>
        Effect.gen(function* () {
          const { code, stderr, stdout } = yield* runInstalled(["list", "--all"], { env, interruptAfterMillis: 1500 })
          assert.deepStrictEqual({ code, stdout, stderr }, { code: 130, stdout: "", stderr: "" })
        })
    )
  )

  for (const [name, args, hint] of [
    ["an unknown command", ["lst"], "did you mean list"],
    ["an unknown flag", ["list", "--frmat", "csv"], "did you mean --format"],
    ["a short flag that is none", ["list", "-z"], "Unrecognized flag: -z in command hb-sessions list. Run"],
    ["a long flag that is none", ["list", "--bad"], "Unrecognized flag: --bad in command hb-sessions list. Run"],
    ["an unknown format", ["list", "--format", "xml"], "ndjson"],
    ["a limit of 0", ["list", "--limit", "0"], "at least 1"],
    ["--all with --limit", ["list", "--all", "--limit", "5"], "cannot be combined"],
    ["--strict without --all", ["list", "--strict"], "add --all"],
    ["--strict with --consistency fast", ["list", "--all", "--strict", "--consistency", "fast"], "verified"],
    ["--resume without --all", ["list", "--resume", "x"], "add --all"],
    ["--resume-file without --all", ["list", "--resume-file", "x"], "add --all"],
    ["--resume-file with --output", ["list", "--all", "--resume-file", "x", "-o", "y"], ">>"],
    ["--resume-file with JSON", ["list", "--all", "--resume-file", "x", "-f", "json"], "--format ndjson"],
    ["--resume-file with --sort", ["list", "--all", "--resume-file", "x", "--sort", "id"], "cannot be combined"],
    ["--resume-file with --resume", ["list", "--all", "--resume-file", "x", "--resume", "y"], "cannot be combined"],
    ["--resume-file with fast", ["list", "--all", "--resume-file", "x", "--consistency", "fast"], "verified"],
    ["a resume token that is none", ["list", "--all", "--resume", "x"], "resume token"],
    ["a time that is none", ["list", "--since", "soon"], "yesterday"],
    [
      "seconds for a time",
      ["list", "--since", "1790000000"],
      "looks like seconds; in milliseconds it is 1790000000000"
    ],
    ["a day that does not exist", ["count", "--since", "2026-02-30"], '--since: "2026-02-30" is not a time: February'],
    ["an hour that does not exist", ["stats", "--until", "2026-01-31T24:00Z"], "2026-02-01T00:00"],
    ["a year that is hardly meant", ["list", "--until", "0026-01-31"], "before 1900"],
    ["times in the wrong order", ["list", "--since", "1d", "--until", "2d"], "before"],
    ["no column", ["list", "--columns", ","], "the columns of the contract are"],
    ["a column that grants access", ["list", "--columns", "liveUrl"], "never a column"],
    ["a column that holds one", ["list", "--columns", "id,session.accessToken"], "never a column"],
    ["* with --resume", ["list", "--all", "--columns", "*", "-f", "csv", "--resume", "x"], "name the columns"],
    ["* with --resume-file", ["list", "--all", "-c", "*", "-f", "tsv", "--resume-file", "x"], "name the columns"],
    ["a sort key that grants access", ["list", "--sort", "wsEndpoint"], "never a column"],
    ["* as a sort key", ["list", "--sort", "*"], "one key"],
    ["a sort direction", ["list", "--sort", "id:up"], ":desc"],
    ["an unknown setting", ["config", "set", "concurency", "1"], "did you mean"],
    ["a setting's bad value", ["config", "set", "concurrency", "0"], "concurrency: expected"],
    ["a profile that does not exist", ["list", "--profile", "none"], "there is no profile"],
    ["--exit-status alone", ["watch", "--exit-status"], "--until-idle"],
    ["no id", ["get"], "id"]
  ] as const) {
    it.live(`2 for ${name}, in one line on stderr with a hint`, () =>
      Effect.gen(function* () {
        const env = { HYPERBROWSER_API_KEY: KEY, HYPERBROWSER_BASE_URL: "http://127.0.0.1:1", HOME: scratch() }
        const { code, stderr, stdout } = yield* run(args, { env })
        assert.deepStrictEqual({ code, stdout }, { code: 2, stdout: "" })
        assert.match(stderr, oneLine)
        assert.include(stderr, hint)
        assert.notInclude(stderr, "Schema")
      })
    )
  }

  it.live("2 for a variable with a bad value, which is named", () =>
    Effect.gen(function* () {
      const env = { HYPERBROWSER_API_KEY: KEY, HB_SESSIONS_ATTEMPT_TIMEOUT: "soon" }
      const { code, stderr } = yield* run(["list"], { env })
      assert.strictEqual(code, 2)
      assert.match(stderr, /^hb-sessions: invalid configuration: HB_SESSIONS_ATTEMPT_TIMEOUT: expected [^\n]+\n$/)
    })
  )

  it.live("and with --log-format json the line is JSON", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run(["lst", "--log-format", "json"])
      assert.strictEqual(code, 2)
      assert.strictEqual(JSON.parse(stderr).level, "error")
    })
  )
})

layer(Simulator.layer({ sessions: 200, apiKey: KEY, churn: { start: 1, end: 1 } }), { excludeTestServices: true })(
  "a list that changes faster than it can be read",
  (it) => {
    it.effect("exits with 5 under --strict, and with 0 without", () =>
      Effect.gen(function* () {
        const args = ["list", "--all", "--status", "active"]
        const strict = yield* runAt([...args, "--strict"])
        assert.strictEqual(strict.code, 5)
        assert.match(strict.stderr, /^(?:stopped [^\n]+\n)?hb-sessions: not proven that nothing is missing: [^\n]+\n$/)
        const lenient = yield* runAt(args)
        assert.strictEqual(lenient.code, 0)
        assert.match(lenient.stderr, /sessions?, not proven complete \(/)
      })
    )
  }
)

layer(Simulator.layer({ sessions: 30, apiKey: KEY }), { excludeTestServices: true })("the API key", (it) => {
  it.effect("appears in no output of any command, whether it is accepted, rejected or echoed", () =>
    Effect.gen(function* () {
      const { url } = yield* Simulator
      const wrong = "hb_canary_rejected_78"
      const commands = [
        ["list"],
        ["list", "--all", "--format", "json"],
        ["list", "--all", "--format", "table"],
        ["list", "--page", "9"],
        ["get", "nope"],
        ["open", "nope"],
        ["count"],
        ["stats", "--format", "chart"],
        ["config", "list"],
        ["config", "get", "base_url"],
        ["config", "path"],
        ["config", "get", "api_key"],
        ["auth", "status"],
        ["auth", "login"],
        ["auth", "logout"],
        ["doctor"],
        ["completions", "bash"],
        ["watch", "--until-idle", "--exit-status", "--interval", "x"],
        ["list", "--help"]
      ]
      const verbose = ["--verbose", "--log-format", "json"]
      const check = (args: ReadonlyArray<string>, key: string, base: string, runAny: typeof run = run) =>
        Effect.gen(function* () {
          const env = { HYPERBROWSER_API_KEY: key, HYPERBROWSER_BASE_URL: base, HOME: scratch() }
          const { stderr, stdout } = yield* runAny([...args, ...verbose], { env, stdin: key })
          assert.notInclude(stdout + stderr, key, args.join(" "))
        })
      // Each part of the package is loaded once.
      yield* Effect.forEach(commands, (args) => check(args, KEY, url, runInstalled), { concurrency: 2 })
      yield* Effect.forEach(commands.slice(0, 14), (args) => check(args, wrong, url), { concurrency: 2 })
      yield* withServer(
        (request, response) =>
          response
            .writeHead(401, { "content-type": "application/json" })
            .end(JSON.stringify({ message: `no such key: ${String(request.headers["x-api-key"])}` })),
        ({ HYPERBROWSER_BASE_URL }) =>
          Effect.forEach([["list"], ["auth", "status"], ["auth", "login"], ["doctor"]], (args) =>
            check(args, wrong, HYPERBROWSER_BASE_URL ?? "")
          )
      )
      yield* check(["list"], "hb_canary with a blank", url)
    })
  )
})

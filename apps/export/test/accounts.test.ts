/**
 * Many accounts: each by itself, and what goes wrong with one is its own affair.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { strict } from "./store/stores.ts"
import { bin, environment, launch, manifestOf, publishedIds, rowsOf, run, scratch, until } from "./support.ts"

/** Writes an accounts file, with the key of the simulator beside it; succeeds with its path. */
const accountsFile = Effect.fnUntraced(function* (text: string) {
  const directory = yield* scratch
  const { apiKey } = yield* Simulator
  writeFileSync(join(directory, "key"), `${apiKey}\n`)
  const file = join(directory, "accounts.toml")
  writeFileSync(file, text)
  return { directory, file }
})

/** The environment of a run, without a key: those of accounts are in files. */
const withoutKey = Effect.map(Simulator, (simulator): Bin.Env => {
  const { HYPERBROWSER_API_KEY: _, ...env } = environment(simulator)
  return env
})

/** The table, by account. */
const tableOf = (stdout: string) =>
  new Map(
    stdout
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => {
        const [account = "", outcome, rows, completeness] = line.split(/ {2,}/)
        return [account, { outcome, rows, completeness }] as const
      })
  )

const list = Simulator.layer({ sessions: 40, seed: "accounts" })

describe("many accounts", () => {
  it.live("50 of them, 3 of which fail in different ways: 47 are published, and the 3 are told", () =>
    Effect.gen(function* () {
      const names = Array.from({ length: 50 }, (_, index) => `team-${String(index + 1).padStart(2, "0")}`)
      const broken: Readonly<Record<string, string>> = {
        "team-07": 'api_key_file = "wrong"',
        "team-23": 'base_url = "http://127.0.0.1:9"',
        "team-41": 'out = "accounts.toml"'
      }
      const { directory, file } = yield* accountsFile(
        `[defaults]\napi_key_file = "key"\n${names.map((name) => `[accounts.${name}]\n${broken[name] ?? ""}\n`).join("")}`
      )
      writeFileSync(join(directory, "wrong"), "not-the-key")
      const env = { ...(yield* withoutKey), NODE_OPTIONS: "--max-old-space-size=64" }
      const out = join(directory, "{account}")
      // `out` of the accounts file is as on the command line: it starts at the working directory.
      const text = readFileSync(file, "utf8").replace('"accounts.toml"', JSON.stringify(file))
      writeFileSync(file, text.replace("[defaults]\n", `[defaults]\nout = ${JSON.stringify(out)}\n`))
      const { code, stderr, stdout } = yield* run(env, "run", "--accounts", file, "--parallel", "8")
      // A usage error is worse than a rejected key, and that worse than a server that cannot be reached.
      assert.strictEqual(code, 2, stderr)
      const table = tableOf(stdout)
      assert.strictEqual(table.size, 50)
      for (const name of names) {
        if (name in broken) continue
        assert.deepStrictEqual(table.get(name), { outcome: "published", rows: "40", completeness: "proven" })
        assert.lengthOf(publishedIds(join(directory, name)), 40)
      }
      assert.deepStrictEqual(
        Object.keys(broken).map((name) => table.get(name)?.outcome),
        ["failed (3)", "failed (4)", "failed (2)"]
      )
      assert.match(stderr, /ERROR team-07: failed with exit code 3: .*API key/)
      assert.match(stderr, /ERROR team-23: failed with exit code 4: /)
      assert.match(stderr, /ERROR team-41: failed with exit code 2: cannot publish to /)
      assert.include(stderr, "3 of 50 accounts failed: team-07, team-23, team-41")
      assert.notInclude(stdout + stderr, "not-the-key")
      assert.notInclude(stderr, "\n    at ")

      const verified = yield* run(env, "verify", "--accounts", file, "--only", "team-01,team-50")
      assert.strictEqual(verified.code, 0, verified.stderr)
      assert.match(verified.stdout, /team-01 {2}verified/)
      const inspected = yield* run(env, "inspect", "--accounts", file, "--only", "team-01")
      assert.match(inspected.stdout, /^team-01:\ngeneration 1 is published/)
    }).pipe(Effect.provide(list), Effect.scoped)
  )

  it.live("keep apart what is theirs: keys, places, metrics and names", () =>
    Effect.gen(function* () {
      const { directory, file } = yield* accountsFile(
        '[accounts.one]\napi_key_file = "key"\n[accounts.two]\napi_key_env = "TWO"\nformat = "ndjson"\n'
      )
      const { apiKey } = yield* Simulator
      const env = { ...(yield* withoutKey), TWO: apiKey, HYPERBROWSER_API_KEY: "of-no-account" }
      const words = ["run", "--accounts", file, "--metrics-file", join(directory, "{account}.prom")]
      const { code, stderr } = yield* run(env, ...words, "--out", join(directory, "out", "{account}"))
      assert.strictEqual(code, 0, stderr)
      assert.deepStrictEqual(readdirSync(join(directory, "out")).toSorted(), ["one", "two"])
      assert.isTrue(existsSync(join(directory, "out", "two", "sessions.ndjson")))
      for (const name of ["one", "two"]) {
        const metrics = readFileSync(join(directory, `${name}.prom`), "utf8")
        assert.include(metrics, `hb_sessions_export_last_run_exit_code{export="${name}"} 0`)
      }
    }).pipe(Effect.provide(list), Effect.scoped)
  )

  it.live("can be joined by the column of the account, in every format", () =>
    Effect.gen(function* () {
      const { directory, file } = yield* accountsFile(
        '[defaults]\napi_key_file = "key"\nmode = "incremental"\n[accounts.csv]\n[accounts.ndjson]\nformat = "ndjson"\n[accounts.parquet]\nformat = "parquet"\n'
      )
      const simulator = yield* Simulator
      const out = join(directory, "out")
      const words = ["run", "--accounts", file, "--out", join(out, "{account}"), "--account-column"]
      const env = yield* withoutKey
      assert.strictEqual((yield* run(env, ...words)).code, 0)
      yield* simulator.mutate("start", 3)
      const { code, stderr } = yield* run(env, ...words, "--compact-after", "1")
      assert.strictEqual(code, 0, stderr)
      assert.notInclude(stderr, "no session has")
      const rows = rowsOf(join(out, "csv", "sessions.csv"))
      assert.lengthOf(rows, 43)
      assert.strictEqual(Object.keys(rows[0] ?? {})[0], "account")
      assert.isTrue(rows.every(({ account }) => account === "csv"))
      const lines = readFileSync(join(out, "ndjson", "sessions.ndjson"), "utf8")
        .trimEnd()
        .split("\n")
      assert.lengthOf(lines, 43)
      assert.isTrue(lines.every((line) => line.startsWith('{"account":"ndjson",')))
      assert.deepStrictEqual(manifestOf(join(out, "parquet")).selection.columns.slice(0, 2), ["account", "id"])
      assert.strictEqual((yield* run({}, "verify", "--out", join(out, "parquet"))).code, 0)
      const other = yield* run(env, "run", "--accounts", file, "--out", join(out, "{account}"), "--only", "csv")
      assert.strictEqual(other.code, 2)
      assert.include(other.stderr, "--account-column was csv and is none")
      const odd = yield* run(
        environment(simulator),
        ...["run", "--out", join(out, "odd"), "--account-column", "--name", '=a,"b"', "--dialect", "spreadsheet"]
      )
      assert.strictEqual(odd.code, 0, odd.stderr)
      assert.strictEqual(rowsOf(join(out, "odd", "sessions.csv"))[0]?.["account"], `'=a,"b"`)
      const nameless = yield* run(environment(simulator), "run", "--out", join(out, "x"), "--account-column")
      assert.include(nameless.stderr, "--account-column needs the name of the account")
    }).pipe(Effect.provide(list), Effect.scoped)
  )

  it.live("with the same place, metrics file or heartbeat are rejected before anything is written", () =>
    Effect.gen(function* () {
      const { directory, file } = yield* accountsFile(
        '[defaults]\napi_key_file = "key"\n[accounts.one]\n[accounts.two]\n'
      )
      const env = yield* withoutKey
      const good = ["--out", join(directory, "{account}")]
      const rejected: ReadonlyArray<readonly [ReadonlyArray<string>, string]> = [
        [[], "the account one has no destination"],
        [["--out", join(directory, "out")], "--out of the account two is the same as that of one"],
        [[...good, "--metrics-file", join(directory, "m")], "--metrics-file of the account two is the same"],
        [[...good, "--heartbeat-url", "http://127.0.0.1:9/x"], "--heartbeat-url of the account two is the same"],
        [[...good, "--only", "oen"], 'there is no account "oen"; did you mean one?'],
        [[...good, "--parallel", "0"], "--parallel: expected a whole number from 1"]
      ]
      for (const [words, message] of rejected) {
        const { code, stderr } = yield* run(env, "run", "--accounts", file, ...words)
        assert.strictEqual(code, 2, stderr)
        assert.include(stderr, message)
        assert.strictEqual(stderr.trimEnd().split("\n").length, 1, stderr)
      }
      const { stderr } = yield* run(env, "run", "--only", "one", ...good)
      assert.include(stderr, "--only needs --accounts")
      assert.deepStrictEqual(readdirSync(directory).toSorted(), ["accounts.toml", "key"])
    }).pipe(Effect.provide(list), Effect.scoped)
  )

  it.live("are exported on schedule, each with its own, and all stop at SIGTERM", () =>
    Effect.gen(function* () {
      const { directory, file } = yield* accountsFile(
        '[defaults]\napi_key_file = "key"\n[accounts.one]\ncron = "0 0 1 1 *"\n[accounts.two]\ncron = "* * * * * *"\n[accounts.three]\ncron = "* * * * * *"\napi_key_file = "missing"\n'
      )
      const out = join(directory, "out", "{account}")
      const { child, ended } = launch(yield* withoutKey, ["schedule", "--accounts", file, "--out", out])
      const two = join(directory, "out", "two")
      yield* Effect.promise(() => until(() => existsSync(join(two, "manifest.json")) && manifestOf(two).generation > 1))
      // The key comes later, without a restart.
      const { apiKey } = yield* Simulator
      writeFileSync(join(directory, "missing"), apiKey)
      yield* Effect.promise(() => until(() => existsSync(join(directory, "out", "three", "manifest.json"))))
      child.kill("SIGTERM")
      assert.strictEqual(yield* Effect.promise(() => ended), 143)
      assert.isFalse(existsSync(join(directory, "out", "one")))
    }).pipe(Effect.provide(list), Effect.scoped)
  )

  it.live("in a bucket share a work directory and nothing else", () =>
    Effect.gen(function* () {
      const store = yield* strict()
      const { directory, file } = yield* accountsFile(
        '[defaults]\napi_key_file = "key"\nmode = "incremental"\n[accounts.one]\n[accounts.two]\n'
      )
      const work = join(directory, "work")
      mkdirSync(work)
      const env = { ...(yield* withoutKey), ...store.environment }
      const words = ["run", "--accounts", file, "--out", "s3://exports/{account}", "--work-dir", work]
      for (const generation of [1, 2]) {
        const { code, stderr } = yield* run(env, ...words)
        assert.strictEqual(code, 0, stderr)
        for (const name of ["one", "two"]) {
          const text = store.running.contents.text("exports", `${name}/manifest.json`) ?? "{}"
          assert.strictEqual(JSON.parse(text).generation, generation)
        }
      }
      assert.lengthOf(readdirSync(work), 2)
      assert.deepStrictEqual(
        store.running.contents.keys("exports").filter((key) => key.includes("/.")),
        []
      )
    }).pipe(Effect.provide(list), Effect.scoped)
  )
})

describe("the built program", () => {
  it.live("says in one line that an accounts file cannot be read", () =>
    Effect.gen(function* () {
      const directory = yield* scratch
      const { code, stderr } = yield* Bin.run(bin, ["run", "--accounts", directory, "--out", "/tmp/{account}"], {})
      assert.strictEqual(code, 2)
      assert.match(stderr, /^hb-sessions-export: .*\n$/)
    }).pipe(Effect.scoped)
  )
})

/**
 * Profiles, settings and the stored key.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { dirname, join } from "node:path"
import { KEY, rows, run, scratch } from "./Cli.ts"

layer(Simulator.layer({ sessions: 5, apiKey: KEY }), { excludeTestServices: true })("settings", (it) => {
  const home = () => {
    const directory = scratch()
    const config = join(directory, "hb-sessions")
    mkdirSync(config)
    return {
      env: { XDG_CONFIG_HOME: directory },
      config: join(config, "config.toml"),
      credentials: join(config, "credentials.toml")
    }
  }

  const ok = (args: ReadonlyArray<string>, env: Record<string, string>, stdin?: string) =>
    Effect.map(run(args, { env, ...(stdin === undefined ? {} : { stdin }) }), ({ code, stderr, stdout }) => {
      assert.strictEqual(code, 0, stderr)
      return stdout
    })

  it.effect("flag goes before environment, environment before profile, profile before default", () =>
    Effect.gen(function* () {
      const { config, env } = home()
      writeFileSync(config, '[profiles.work]\nbase_url = "http://profile.example"\nconcurrency = 4\n')
      const url = (more: Record<string, string>, ...args: ReadonlyArray<string>) =>
        Effect.map(ok(["config", "get", "base_url", ...args], { ...env, ...more }), (text) => text.trim())
      const variable = { HYPERBROWSER_BASE_URL: "http://variable.example" }
      const work = { HB_SESSIONS_PROFILE: "work" }
      assert.strictEqual(yield* url({}), "https://api.hyperbrowser.ai")
      assert.strictEqual(yield* url(work), "http://profile.example")
      assert.strictEqual(yield* url({ ...work, ...variable }), "http://variable.example")
      assert.strictEqual(
        yield* url({ ...work, ...variable }, "--base-url", "http://flag.example"),
        "http://flag.example"
      )
      const listed = rows(yield* ok(["config", "list", "--profile", "work"], { ...env, HB_SESSIONS_RETRIES: "2" }))
      const source = (name: string) => listed.find((setting) => setting.name === name)?.source
      assert.deepStrictEqual(
        [source("base_url"), source("concurrency"), source("retries"), source("page_size")],
        ["profile file", "profile file", "environment", "default"]
      )
    })
  )

  it.effect("--profile goes before HB_SESSIONS_PROFILE, and that before the file's own choice", () =>
    Effect.gen(function* () {
      const { config, env } = home()
      writeFileSync(
        config,
        'profile = "a"\n[profiles.a]\nconcurrency = 1\n[profiles.b]\nconcurrency = 2\n[profiles.c]\nconcurrency = 3\n'
      )
      const get = ["config", "get", "concurrency"]
      assert.strictEqual(yield* ok(get, env), "1\n")
      assert.strictEqual(yield* ok(get, { ...env, HB_SESSIONS_PROFILE: "b" }), "2\n")
      assert.strictEqual(yield* ok([...get, "--profile", "c"], { ...env, HB_SESSIONS_PROFILE: "b" }), "3\n")
    })
  )

  it.effect("a profile decides what a read does, a variable goes before it, and a flag before both", () =>
    Effect.gen(function* () {
      const { url } = yield* Simulator
      const { config, env } = home()
      writeFileSync(config, `[profiles.default]\nbase_url = "${url}"\nformat = "csv"\n`)
      const withKey = { ...env, HYPERBROWSER_API_KEY: KEY }
      assert.match(yield* ok(["list", "--columns", "id"], withKey), /^id\r\n/)
      const withVariable = { ...withKey, HB_SESSIONS_FORMAT: "tsv" }
      assert.match(yield* ok(["list", "--columns", "id"], withVariable), /^id\n/)
      assert.lengthOf(rows(yield* ok(["list", "--format", "ndjson"], withVariable)), 5)
    })
  )

  it.effect("config set changes one line and keeps the others, comments among them", () =>
    Effect.gen(function* () {
      const { config, env } = home()
      writeFileSync(config, "# mine\n[profiles.default]\nretries = 1 # few\n\n[profiles.other]\nretries = 9\n")
      yield* ok(["config", "set", "concurrency", "4"], env)
      yield* ok(["config", "set", "retries", "2"], env)
      yield* ok(["config", "set", "base_url", 'http://x.example/"q"', "--profile", "new"], env)
      assert.strictEqual(
        readFileSync(config, "utf8"),
        '# mine\n[profiles.default]\nretries = 2 # few\nconcurrency = 4\n\n[profiles.other]\nretries = 9\n\n[profiles.new]\nbase_url = "http://x.example/\\"q\\""\n'
      )
      yield* ok(["config", "set", "concurrency", ""], env)
      assert.strictEqual(yield* ok(["config", "get", "concurrency"], env), "8\n")
      assert.strictEqual(yield* ok(["config", "path"], env), `${config}\n`)
    })
  )

  it.effect("config set writes through a link, keeps a mode, and leaves a file alone that it cannot edit", () =>
    Effect.gen(function* () {
      const { config, env } = home()
      const real = join(scratch(), "dotfiles.toml")
      writeFileSync(real, "[profiles.default]\nretries = 1 # few\n", { mode: 0o644 })
      symlinkSync(real, config)
      yield* ok(["config", "set", "retries", "2"], env)
      assert.isTrue(lstatSync(config).isSymbolicLink())
      assert.strictEqual(readFileSync(real, "utf8"), "[profiles.default]\nretries = 2 # few\n")
      assert.strictEqual(statSync(real).mode & 0o777, 0o644)
      assert.deepStrictEqual(readdirSync(dirname(config)), ["config.toml"])
    })
  )

  it.effect("keys that others can read are warned about, and doctor says so", () =>
    Effect.gen(function* () {
      const { url } = yield* Simulator
      const { credentials, env } = home()
      const at = { ...env, HYPERBROWSER_BASE_URL: url }
      yield* ok(["auth", "login"], at, KEY)
      assert.strictEqual((yield* run(["list"], { env: at })).stderr, "")
      chmodSync(credentials, 0o644)
      const { code, stderr } = yield* run(["list"], { env: at })
      assert.deepStrictEqual(
        [code, stderr],
        [0, `${credentials} holds API keys and can be read by others; run chmod 600 on it\n`]
      )
      const doctor = yield* run(["doctor"], { env: at })
      assert.match(doctor.stdout, /^warn {2}api key +\S+ can be read by others/m)
      assert.deepStrictEqual([doctor.code, doctor.stderr], [0, ""])
      yield* ok(["auth", "login"], at, KEY)
      assert.strictEqual(statSync(credentials).mode & 0o777, 0o600)
    })
  )

  it.effect("a profile that is named wins with its key and its server over the environment", () =>
    Effect.gen(function* () {
      const { url } = yield* Simulator
      const { config, env } = home()
      writeFileSync(config, `[profiles.work]\nbase_url = "${url}"\n`)
      yield* ok(["auth", "login", "--profile", "work"], env, KEY)
      const elsewhere = { ...env, HYPERBROWSER_API_KEY: "another", HYPERBROWSER_BASE_URL: "http://127.0.0.1:9" }
      assert.lengthOf(rows(yield* ok(["list", "--profile", "work"], elsewhere)), 5)
      yield* ok(["auth", "logout", "--profile", "work"], env)
      for (const command of ["list", "doctor"]) {
        const { code, stderr } = yield* run([command, "--profile", "work"], { env: elsewhere })
        assert.strictEqual(code, 3)
        assert.include(stderr, "a server of its own")
      }
      const named = ["list", "--profile", "work", "--base-url", url]
      assert.lengthOf(rows(yield* ok(named, { ...elsewhere, HYPERBROWSER_API_KEY: KEY })), 5)
    })
  )

  it.effect("a key in the clear is warned of before a list, and is a finding of doctor in its place", () =>
    Effect.gen(function* () {
      const { url } = yield* Simulator
      const { env } = home()
      // An address of this machine that is not loopback by its name.
      const base = url.replace("127.0.0.1", "0.0.0.0")
      const at = { ...env, HYPERBROWSER_API_KEY: KEY, HYPERBROWSER_BASE_URL: base }
      const said = `the base URL ${base} is plain http, so the API key is sent in the clear; use https`
      const list = yield* run(["list"], { env: at })
      assert.deepStrictEqual([list.code, list.stderr], [0, `warning: ${said}\n`])
      const { code, stderr, stdout } = yield* run(["doctor"], { env: at })
      assert.deepStrictEqual([code, stderr], [0, ""])
      const found = stdout.split("\n").filter((line) => /^\w+ +(?:dns|tls|clock) /.test(line))
      assert.deepStrictEqual(
        found.map((line) => line.slice(0, 10)),
        ["ok    dns ", "warn  tls ", "ok    cloc"]
      )
      assert.isTrue(found[1]?.endsWith(said))
      const none = yield* run(["list"], { env: { ...at, HYPERBROWSER_API_KEY: "" } })
      assert.strictEqual(none.code, 3)
      assert.notInclude(none.stderr, "in the clear")
    })
  )

  it.effect("doctor names the reason for which a server did not answer", () =>
    Effect.gen(function* () {
      const { env } = home()
      const at = { ...env, HYPERBROWSER_API_KEY: KEY, HYPERBROWSER_BASE_URL: "http://127.0.0.1:9" }
      const { code, stdout } = yield* run(["doctor"], { env: at })
      assert.strictEqual(code, 4)
      assert.match(stdout, /^fail {2}clock +the server did not answer: ECONNREFUSED$/m)
    })
  )

  it.effect("a bad file is rejected with its name and the key", () =>
    Effect.gen(function* () {
      const { config, env } = home()
      writeFileSync(config, "[profiles.default]\nconcurrency = 0\n")
      const { code, stderr } = yield* run(["list"], { env: { ...env, HYPERBROWSER_API_KEY: KEY } })
      assert.strictEqual(code, 2)
      assert.include(stderr, `${config}: profiles.default.concurrency: expected`)
    })
  )

  it.effect("auth stores the key of a profile for its owner alone, and forgets it", () =>
    Effect.gen(function* () {
      const { url } = yield* Simulator
      const { credentials, env } = home()
      const at = { ...env, HYPERBROWSER_BASE_URL: url }
      const work = ["--profile", "work"]
      assert.strictEqual(yield* ok(["auth", "login", ...work], at, `${KEY}\n`), "")
      assert.strictEqual(statSync(credentials).mode & 0o777, 0o600)
      assert.include(readFileSync(credentials, "utf8"), KEY)
      assert.strictEqual(
        yield* ok(["auth", "status", ...work], at),
        `profile work: the key (stored) is accepted by ${url}\n`
      )
      assert.lengthOf(rows(yield* ok(["list", ...work], at)), 5)
      assert.strictEqual((yield* run(["auth", "status"], { env: at })).code, 3)
      yield* ok(["auth", "logout", ...work, "--quiet"], at)
      assert.notInclude(readFileSync(credentials, "utf8"), KEY)
      assert.strictEqual((yield* run(["list", ...work], { env: at })).code, 2)
    })
  )

  it.effect("the key of the environment goes before the stored one", () =>
    Effect.gen(function* () {
      const { url } = yield* Simulator
      const { env } = home()
      const at = { ...env, HYPERBROWSER_BASE_URL: url }
      yield* ok(["auth", "login"], at, KEY)
      const { code } = yield* run(["list"], { env: { ...at, HYPERBROWSER_API_KEY: "wrong" } })
      assert.strictEqual(code, 3)
    })
  )

  it.effect("auth login stores no key that is rejected or empty", () =>
    Effect.gen(function* () {
      const { url } = yield* Simulator
      const { env } = home()
      const at = { ...env, HYPERBROWSER_BASE_URL: url }
      const rejected = yield* run(["auth", "login"], { env: at, stdin: "wrong" })
      assert.strictEqual(rejected.code, 3)
      assert.match(rejected.stderr, /the key that was given is rejected .*nothing was stored/)
      assert.notInclude(rejected.stderr, "HYPERBROWSER_API_KEY")
      assert.strictEqual((yield* run(["auth", "login"], { env: at, stdin: "\n" })).code, 2)
      assert.strictEqual((yield* run(["list"], { env: at })).code, 3)
    })
  )
})

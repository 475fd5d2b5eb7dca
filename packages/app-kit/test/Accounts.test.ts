import { assert, describe, it } from "@effect/vitest"
import { countText } from "@hb-sessions/core/SettingText"
import { ConfigProvider, Effect, Redacted, Schema } from "effect"
import { TestClock } from "effect/testing"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Accounts from "../src/Accounts.ts"
import { toAppError } from "../src/AppError.ts"
import * as Setting from "../src/Setting.ts"
import { directory } from "./support.ts"

const text = { schema: Setting.orNone(Schema.NonEmptyString), default: "", meaning: "" }

const settings = Setting.record("APP_", {
  out: text,
  cron: text,
  tz: text,
  mode: { ...Setting.oneOf(["snapshot", "incremental"]), default: "snapshot", meaning: "" },
  pageSize: { schema: Setting.orNone(countText()), default: "", meaning: "" },
  strict: { ...Setting.onOff, meaning: "" }
})

const withEnv =
  (env: Readonly<Record<string, string>>) =>
  <A, E, R>(self: Effect.Effect<A, E, R>) =>
    Effect.provideService(self, ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

const write = Effect.fnUntraced(function* (content: string | Uint8Array) {
  const file = join(yield* directory, "accounts.toml")
  writeFileSync(file, content)
  return file
})

const read = (content: string, options: Partial<Accounts.AccountsOptions> = {}) =>
  Effect.flatMap(write(content), (file) => Accounts.read({ file, settings, ...options })).pipe(withEnv({}))

/** The message without the name of the file. */
const problem = (content: string, options: Partial<Accounts.AccountsOptions> = {}) =>
  Effect.gen(function* () {
    const file = yield* write(content)
    const found = toAppError(yield* Effect.flip(Accounts.read({ file, settings, ...options })))
    assert.strictEqual(found.exitCode, 2)
    assert.notInclude(found.message, "\n")
    assert.isTrue(found.message.startsWith(`${file}: `), found.message)
    return found.message.slice(file.length + 2)
  }).pipe(withEnv({}), Effect.scoped)

const TWO = `
[defaults] # of all
out = "s3://exports/{account}"
mode = "incremental"
base_url = "https://eu.example"

[accounts.team-a]
api_key_file = "keys/team-a"
cron = "17 2 * * *"
tz = "Europe/Paris"
page_size = 50

[accounts.b2]
api_key_env = "B_KEY"
base_url = "https://us.example"
out = "/var/lib/b"
mode = "snapshot"
strict = true
`

describe("accounts", () => {
  it.effect("have what the file says of them, and what it says of all", () =>
    Effect.gen(function* () {
      const [a, b, ...others] = yield* read(TWO)
      assert.lengthOf(others, 0)
      assert.deepInclude(a, {
        name: "team-a",
        out: "s3://exports/team-a",
        cron: "17 2 * * *",
        tz: "Europe/Paris",
        values: {
          APP_OUT: "s3://exports/team-a",
          APP_MODE: "incremental",
          HYPERBROWSER_BASE_URL: "https://eu.example",
          APP_CRON: "17 2 * * *",
          APP_TZ: "Europe/Paris",
          APP_PAGE_SIZE: "50"
        }
      })
      assert.strictEqual(a?.baseUrl?.host, "eu.example")
      assert.deepInclude(b, {
        name: "b2",
        out: "/var/lib/b",
        cron: undefined,
        tz: undefined,
        values: {
          APP_OUT: "/var/lib/b",
          APP_MODE: "snapshot",
          HYPERBROWSER_BASE_URL: "https://us.example",
          APP_STRICT: "true"
        }
      })
      assert.strictEqual(b?.baseUrl?.host, "us.example")
    }).pipe(Effect.scoped)
  )

  it.effect("may be a thousand", () =>
    Effect.gen(function* () {
      const names = Array.from({ length: 1000 }, (_, n) => `team-${n}`)
      const accounts = yield* read(
        `[defaults]\nout = "s3://exports/{account}"\napi_key_file = "{account}.key"\n${names.map((name) => `[accounts.${name}]\nmode = "incremental"\n`).join("")}`
      )
      assert.deepStrictEqual(
        accounts.map(({ name }) => name),
        names
      )
      assert.strictEqual(accounts[999]?.out, "s3://exports/team-999")
    }).pipe(Effect.scoped)
  )

  const own = (lines: string) => `[accounts.a]\napi_key_file = "a"\n${lines}`
  for (const [name, content, expected] of [
    ["is empty", "", "it has no accounts; add one, such as [accounts.team-a] with api_key_file below it"],
    ["has defaults only", "[defaults]\nmode = 'snapshot'\n", "it has no account"],
    ["has an empty table of accounts", "[accounts]\n", "it has no account"],
    ["has something else for accounts", "accounts = 3\n", "accounts: must be a table, such as [accounts.team-a]"],
    ["has something else for an account", "[accounts]\na = 3\n", "accounts.a: must be a table, such as [accounts.a]"],
    ["has a mistyped table", "[acounts.a]\n", "there is no setting [acounts]; did you mean accounts?"],
    [
      "has a setting outside of its tables",
      'mode = "snapshot"\n',
      "mode is outside of a table; put it below [defaults]"
    ],
    ["has a name in capitals", "[accounts.Team]\n", 'accounts."Team": a name has 1 to 63 characters'],
    ["has an empty name", '[accounts.""]\n', 'accounts."": a name has 1 to 63 characters'],
    ["has a name that is a path", '[accounts."../a"]\n', 'accounts."../a": a name has 1 to 63 characters'],
    ["has a name that begins with a dash", "[accounts.-a]\n", 'accounts."-a": a name has 1 to 63 characters'],
    ["has a name that is too long", `[accounts.${"a".repeat(64)}]\n`, "a name has 1 to 63 characters"],
    ["has a name with a dot", own("[accounts.b.c]\napi_key_file = 'x'\n"), "there is no setting accounts.b.c; "],
    [
      "has a mistyped setting",
      own("pagesize = 3\n"),
      "there is no setting accounts.a.pagesize; did you mean page_size?"
    ],
    [
      "has a mistyped default",
      `[defaults]\nmod = 3\n${own("")}`,
      "there is no setting defaults.mod; did you mean mode?"
    ],
    [
      "has a list for a value",
      own("mode = ['snapshot']\n"),
      "accounts.a.mode: must be text, a number or a boolean; correct"
    ],
    ["has an empty value", own('out = ""\n'), "accounts.a.out: is empty; give it a value or leave it out; correct"],
    ["has a value that its setting rejects", own("mode = 'both'\n"), "accounts.a.mode: expected "],
    ["has a default that its setting rejects", `[defaults]\nmode = 'both'\n${own("")}`, "defaults.mode: expected "],
    ["has a server that is none", own('base_url = "ftp://x"\n'), "accounts.a.base_url: expected an http or https URL"],
    [
      "says not where a key is",
      "[accounts.a]\nmode = 'snapshot'\n",
      "accounts.a: it is not said where the key is; give"
    ],
    [
      "says twice where a key is",
      own('api_key_env = "A"\n'),
      "accounts.a: both api_key_file and api_key_env are given"
    ],
    ["names two accounts alike", `${own("")}${own("")}`, "Cannot redefine table 'accounts.a' at line 3"],
    ["sets a value twice", own('api_key_file = "b"\n'), "Cannot redefine existing key 'api_key_file' at line 3"],
    ["is no TOML", own("mode\n"), "Expected '=' at line 3"]
  ] as const) {
    it.effect(`are rejected when the file ${name}`, () =>
      Effect.map(problem(content), (found) => assert.include(found, expected))
    )
  }

  for (const [name, lines] of [
    ["under its own name", 'api_key = "hb_canary_1"'],
    ["without quotes", "api_key = hb_canary_1"],
    ["under another spelling", 'apiKey = "hb_canary_1"'],
    ["under the name of the variable", 'HYPERBROWSER_API_KEY = "hb_canary_1"'],
    ["in the place of a variable", 'api_key_env = "hb_canary_1"']
  ] as const) {
    it.effect(`are rejected with a key in the file ${name}, which is not shown`, () =>
      Effect.gen(function* () {
        for (const table of ["accounts.a", "defaults"]) {
          const rest = table === "defaults" ? "\n[accounts.b]\n" : ""
          const found = yield* problem(`[${table}]\n${lines}${rest}\n`)
          assert.notInclude(found, "canary")
          assert.match(found, /this file must not contain a key|needs quotes|name of a variable in capital letters/)
        }
      })
    )
  }

  it.effect("share a file with another program's settings, but not with mistyped ones", () =>
    Effect.gen(function* () {
      const options = { settings: { strict: settings.strict }, areOthersAllowed: true }
      const accounts = yield* read(
        `[defaults]\npartition = "day"\n[accounts.a]\napi_key_file = "a"\ncron = "x"\n`,
        options
      )
      assert.deepStrictEqual(accounts[0]?.values, {})
      assert.include(
        yield* problem('[accounts.a]\napi_key_file = "a"\nbas_url = "https://x"\n', options),
        "there is no setting accounts.a.bas_url; did you mean base_url?"
      )
    }).pipe(Effect.scoped)
  )
})

describe("the places of accounts", () => {
  const places = (one: string, other: string) =>
    `[accounts.a]\napi_key_file = "a"\nout = "${one}"\n[accounts.b]\napi_key_file = "b"\nout = "${other}"\n`
  for (const [one, other] of [
    ["s3://exports/a", "s3://exports/a/"],
    ["s3://exports/a", "S3://exports/./a"],
    ["exports/a", "./exports//a/"],
    ["exports/a", `${process.cwd()}/exports/b/../a`]
  ] as const) {
    it.effect(`may not be the same: ${one}, ${other}`, () =>
      Effect.map(problem(places(one, other)), (found) =>
        assert.include(
          found,
          `accounts.b: out, "${other}", is the same as that of accounts.a, "${one}"; give each account a place of its own`
        )
      )
    )
  }
  for (const [outer, inner] of [
    ["s3://exports", "s3://exports/b"],
    ["s3://exports/a", "s3://exports/a/b/c"],
    ["exports", "exports/b"],
    ["/", "exports"]
  ] as const) {
    it.effect(`may not be one inside of the other: ${inner} in ${outer}`, () =>
      Effect.gen(function* () {
        const expected = `"${inner}", is inside of that of`
        assert.include(yield* problem(places(outer, inner)), `accounts.b: out, ${expected} accounts.a, "${outer}"`)
        assert.include(yield* problem(places(inner, outer)), `accounts.a: out, ${expected} accounts.b, "${outer}"`)
      })
    )
  }
  it.effect("may begin alike", () =>
    Effect.gen(function* () {
      for (const [one, other] of [
        ["s3://exports/a", "s3://exports/ab"],
        ["s3://exports/a", "s3://exports/A"],
        ["s3://exports/a", "gs://exports/a"],
        ["exports/a", "exports/a-b"]
      ] as const) {
        assert.lengthOf(yield* read(places(one, other)), 2)
      }
    }).pipe(Effect.scoped)
  )
  it.effect("are the same for all with a default without the account in it", () =>
    Effect.map(
      problem('[defaults]\nout = "x"\n[accounts.a]\napi_key_file = "a"\n[accounts.b]\napi_key_file = "b"\n'),
      (found) => assert.include(found, "such as one with {account} in it")
    )
  )
})

describe("the key of an account", () => {
  it.effect("is read from its file, beside the accounts file, and again when that changes", () =>
    Effect.gen(function* () {
      const file = yield* write(TWO)
      const keys = join(file, "..", "keys")
      mkdirSync(keys)
      writeFileSync(join(keys, "team-a"), "hb_one\n")
      const [a] = yield* Accounts.read({ file, settings }).pipe(withEnv({}))
      assert.isDefined(a)
      assert.strictEqual(Redacted.value(yield* a.apiKey), "hb_one")
      writeFileSync(join(keys, "team-a"), "hb_two\n")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(Redacted.value(yield* a.apiKey), "hb_two")
      assert.notMatch(JSON.stringify(a), /hb_/)
    }).pipe(Effect.scoped)
  )

  it.effect("that is missing fails its own account alone, and can come later", () =>
    Effect.gen(function* () {
      const file = yield* write(TWO)
      const [a, b] = yield* Accounts.read({ file, settings }).pipe(withEnv({ B_KEY: " hb_b\n" }))
      assert.isDefined(a)
      assert.isDefined(b)
      assert.strictEqual(Redacted.value(yield* b.apiKey), "hb_b")
      const key = join(file, "..", "keys", "team-a")
      const error = yield* Effect.flip(a.apiKey)
      assert.strictEqual(error.exitCode, 3)
      assert.isTrue(
        error.message.startsWith(`${file}: accounts.team-a.api_key_file: ${key}: it does not exist`),
        error.message
      )
      mkdirSync(join(file, "..", "keys"))
      writeFileSync(key, "hb_a")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(Redacted.value(yield* a.apiKey), "hb_a")
    }).pipe(Effect.scoped)
  )

  it.effect("is missing when its variable is not set, or blank", () =>
    Effect.gen(function* () {
      for (const env of [{}, { B_KEY: "" }, { B_KEY: " " }] as ReadonlyArray<Readonly<Record<string, string>>>) {
        const file = yield* write(TWO)
        const [, b] = yield* Accounts.read({ file, settings }).pipe(withEnv(env))
        assert.isDefined(b)
        const { exitCode, message } = yield* Effect.flip(b.apiKey)
        assert.deepStrictEqual(
          [exitCode, message],
          [
            3,
            `${file}: accounts.b2.api_key_env: the variable B_KEY is not set; set it to a key from the Hyperbrowser dashboard`
          ]
        )
      }
    }).pipe(Effect.scoped)
  )

  it.effect("is where the account says, whatever the defaults say", () =>
    Effect.gen(function* () {
      const file = yield* write(
        '[defaults]\napi_key_file = "{account}"\n[accounts.a]\napi_key_env = "A_KEY"\n[accounts.b]\n'
      )
      writeFileSync(join(file, "..", "b"), "hb_b")
      const accounts = yield* Accounts.read({ file, settings }).pipe(withEnv({ A_KEY: "hb_a" }))
      const keys = yield* Effect.forEach(accounts, ({ apiKey }) => Effect.map(apiKey, Redacted.value))
      assert.deepStrictEqual(keys, ["hb_a", "hb_b"])
      assert.deepStrictEqual(
        accounts.map(({ key }) => key.name),
        ["A_KEY", `${file}: defaults.api_key_file (${join(file, "..", "b")})`]
      )
    }).pipe(Effect.scoped)
  )
})

describe("--only", () => {
  const chosen = (only: string | undefined) =>
    Effect.gen(function* () {
      const names = ["a", "team-b", "team-c"]
      const accounts = yield* read(names.map((name) => `[accounts.${name}]\napi_key_file = "x"\n`).join(""))
      return (yield* Accounts.select(accounts, only)).map(({ name }) => name)
    }).pipe(Effect.scoped, Effect.mapError(toAppError))

  it.effect("chooses accounts, each once and in the order of the file", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* chosen(undefined), ["a", "team-b", "team-c"])
      assert.deepStrictEqual(yield* chosen("team-c, a,team-c,"), ["a", "team-c"])
    })
  )
  it.effect("rejects a name that there is not, with the one that was probably meant", () =>
    Effect.gen(function* () {
      for (const [only, expected] of [
        ["a,team-d", '--only: there is no account "team-d"; did you mean team-b?'],
        ["warehouse", '--only: there is no account "warehouse"; there are a, team-b, team-c'],
        [" , ", "--only names no account; leave it out, or name some, separated by commas"]
      ] as const) {
        const { exitCode, message } = yield* Effect.flip(chosen(only))
        assert.deepStrictEqual([exitCode, message], [2, expected])
      }
    })
  )
})

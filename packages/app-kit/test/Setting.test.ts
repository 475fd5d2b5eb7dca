import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { countText, durationText } from "@hb-sessions/core/SettingText"
import { ConfigProvider, Duration, Effect, Option, Ref, Schema } from "effect"
import { CliError, Command } from "effect/cli"
import * as Setting from "../src/Setting.ts"

const settings = Setting.record("APP_", {
  port: { schema: countText({ max: 65_535 }), default: "80", metavar: "n", alias: "p", meaning: "Port to listen on" },
  maxAge: { schema: durationText(), default: "2 days", meaning: "How long to keep it", variable: "SHARED_MAX_AGE" },
  mode: { ...Setting.oneOf(["fast", "safe"]), default: "safe", meaning: "How to read" },
  strict: { ...Setting.onOff, meaning: "Fail early" },
  limit: { schema: Setting.orNone(countText({ min: 1 })), default: "", shown: "none", meaning: "How many at most" },
  names: { schema: Schema.String, default: "", separator: ",", meaning: "Who is meant" }
})

/** What a program with these settings reads. */
const run = Effect.fnUntraced(function* (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) {
  const seen = yield* Ref.make<Option.Option<Setting.Values<typeof settings>>>(Option.none())
  const command = Command.make("app", Setting.flagsOf(settings), (given) =>
    Effect.flatMap(Setting.read(settings, given), (values) => Ref.set(seen, Option.some(values)))
  )
  yield* Command.runWith(command, { version: "1.0.0" })(args).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
  )
  return Option.getOrThrow(yield* Ref.get(seen))
})

layer(NodeServices.layer)("settings", (it) => {
  it.effect("come from the flag, else from the variable, else from the default", () =>
    Effect.gen(function* () {
      const { limit, maxAge, mode, port, strict } = yield* run(["-p", "1", "--strict"], {
        APP_PORT: "2",
        APP_MODE: "fast",
        SHARED_MAX_AGE: "1h",
        APP_LIMIT: ""
      })
      assert.deepStrictEqual([port, mode, strict, limit], [1, "fast", true, undefined])
      assert.strictEqual(Duration.toMillis(maxAge), 3_600_000)
    })
  )

  it.effect("a switch is on and off in every spelling of a variable, and its flag can turn it off", () =>
    Effect.gen(function* () {
      for (const text of ["true", "yes", "on", "1", "y"]) assert.isTrue((yield* run([], { APP_STRICT: text })).strict)
      for (const text of ["false", "no", "off", "0", "n"]) assert.isFalse((yield* run([], { APP_STRICT: text })).strict)
      assert.isFalse((yield* run(["--no-strict"], { APP_STRICT: "1" })).strict)
    })
  )

  it.effect("a bad value of a flag is a usage error that names the flag", () =>
    Effect.gen(function* () {
      for (const [args, message] of [
        [["--port", "99999"], "--port: expected a whole number from 0 to 65535"],
        [["--port", "1e1"], "--port: expected a whole number from 0 to 65535"],
        [["--max-age", "soon"], "--max-age: expected a duration such as"],
        [["--limit", "0"], "--limit: expected a whole number from 1"],
        [["--limit", ""], "--limit is empty"]
      ] as const) {
        const error = yield* Effect.flip(run(args, { APP_PORT: "80" }))
        assert.strictEqual(error._tag, "AppError")
        assert.include(error.message, message)
      }
    })
  )

  it.effect("an unknown choice is a usage error that names the flag", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(run(["--mode", "odd"]))
      const errors = CliError.isCliError(error) && error._tag === "ShowHelp" ? error.errors : []
      assert.deepStrictEqual(
        errors.map(({ message }) => message.includes("--mode")),
        [true]
      )
    })
  )

  it.effect("a flag with several values can be repeated", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* run(["--names", "a", "--names", "b,c"])).names, "a,b,c")
      assert.deepStrictEqual((yield* run([], { APP_NAMES: "d" })).names, "d")
    })
  )

  it.effect("a bad value of a variable names the variable", () =>
    Effect.gen(function* () {
      for (const [variable, text] of [
        ["APP_PORT", "x"],
        ["SHARED_MAX_AGE", "5"],
        ["APP_MODE", "odd"],
        ["APP_STRICT", "maybe"],
        ["APP_LIMIT", "0"]
      ] as const) {
        const error = yield* Effect.flip(run([], { [variable]: text }))
        assert.strictEqual(error._tag, "ConfigError")
        assert.include(error.message, variable)
      }
    })
  )

  it("are documented as they are read", () => {
    assert.strictEqual(Setting.help(settings.maxAge), "How long to keep it (default: 2 days; env: SHARED_MAX_AGE)")
    assert.strictEqual(Setting.help(settings.limit), "How many at most (default: none; env: APP_LIMIT)")
    assert.strictEqual(Setting.help({ ...settings.limit, shown: "" }), "How many at most (env: APP_LIMIT)")
    assert.deepStrictEqual(
      [...Setting.byFileKey(settings).keys()],
      ["port", "max_age", "mode", "strict", "limit", "names"]
    )
    assert.deepStrictEqual(Setting.rows(settings)[1], {
      name: "maxAge",
      flag: "--max-age",
      variable: "SHARED_MAX_AGE",
      meaning: "How long to keep it",
      default: "2 days"
    })
  })
})

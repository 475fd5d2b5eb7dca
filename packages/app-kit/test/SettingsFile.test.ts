import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { countText, HttpUrlText } from "@hb-sessions/core/SettingText"
import { Config, ConfigProvider, Effect, FileSystem, Layer, Schema } from "effect"
import * as Setting from "../src/Setting.ts"
import * as SettingsFile from "../src/SettingsFile.ts"

const settings = Setting.record("APP_", {
  baseUrl: { schema: HttpUrlText, default: "https://none.example", meaning: "where it is" },
  retries: { schema: countText(), default: "5", meaning: "how often it is tried again" },
  fast: { ...Setting.onOff, meaning: "whether it is read once" },
  names: { schema: Schema.String, default: "", separator: ",", meaning: "who is meant" }
})

const withFile = <A, E, R>(text: string, use: (file: string) => Effect.Effect<A, E, R>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = yield* fs.makeTempFileScoped()
      yield* fs.writeFileString(file, text)
      return yield* use(file)
    })
  )

const TWO_PROFILES = `
[profiles.default]
base_url = "https://one.example"
[profiles.work]
base_url = "https://two.example"
retries = 3
fast = true
`

layer(NodeServices.layer)("SettingsFile", (it) => {
  it.effect("gives the values of one table by the names of their variables", () =>
    withFile(TWO_PROFILES, (file) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* SettingsFile.read({ file, settings, table: ["profiles", "work"] }), {
          APP_BASE_URL: "https://two.example",
          APP_RETRIES: "3",
          APP_FAST: "true"
        })
      })
    )
  )

  it.effect("joins the parts of an array, where a setting takes several", () =>
    withFile('names = ["a", "b c"]', (file) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* SettingsFile.read({ file, settings }), { APP_NAMES: "a,b c" })
      })
    )
  )

  it.effect("lies below the environment and the flags, and above the defaults", () =>
    withFile(TWO_PROFILES, (file) => {
      const environment = ConfigProvider.layer(ConfigProvider.fromUnknown({ APP_RETRIES: "4", APP_BASE_URL: "env:" }))
      const everything = SettingsFile.layerFlags({ APP_BASE_URL: "flag:" }).pipe(
        Layer.provide(SettingsFile.layer({ file, settings, table: ["profiles", "work"] })),
        Layer.provide(environment)
      )
      return Effect.gen(function* () {
        const read = Config.all([
          Config.String("APP_BASE_URL"),
          Config.String("APP_RETRIES"),
          Config.String("APP_FAST"),
          Config.String("APP_OTHER").pipe(Config.withDefault("default"))
        ])
        assert.deepStrictEqual(yield* read, ["flag:", "4", "true", "default"])
      }).pipe(Effect.provide(everything))
    })
  )

  for (const [name, text, problem] of [
    ["TOML that does not parse", "base_url =\n", "at line 1"],
    ["a mistyped key", 'bas_url = "x"', "there is no setting bas_url; did you mean base_url?"],
    ["an unknown key", 'colour = "x"', "there is no setting colour; the settings are base_url, retries, fast, names;"],
    ["a value of another kind", "retries = [3]", "retries: must be text, a number or a boolean"],
    ["an array of other kinds", 'names = ["a", 1]', 'names: must be text, or an array of texts without ","'],
    ["an array with parts that would be two", 'names = ["a,b"]', "names: must be text, or an array of texts"],
    ["a value that the setting rejects", 'base_url = "nowhere"', "base_url: expected"],
    ["a number that the setting rejects", "retries = 1.5", "retries: expected"]
  ] as const) {
    it.effect(`rejects ${name}, and names the file and the key`, () =>
      withFile(text, (file) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(SettingsFile.read({ file, settings }))
          assert.strictEqual(error.exitCode, 2)
          assert.isTrue(error.message.startsWith(`${file}: `))
          assert.include(error.message, problem)
          assert.notInclude(error.message, "SchemaError")
        })
      )
    )
  }

  for (const [name, value] of [
    ["text", "hb_canary"],
    ["a number", "12345678901234567890123456789"],
    ["a date", "2026-99-99"],
    ["an escape", '"hb_canary\\xx"']
  ] as const) {
    it.effect(`does not quote what may be a key: ${name} without its quotes`, () =>
      withFile(`fast = true\nbase_url = ${value}\n`, (file) =>
        Effect.gen(function* () {
          const { message } = yield* Effect.flip(SettingsFile.read({ file, settings }))
          assert.include(message, "at line 2")
          assert.notInclude(message, value)
          assert.notMatch(message, /canary|123456|2026/)
        })
      )
    )
  }

  it.effect("names the table of a bad key", () =>
    withFile('[profiles.work]\nretries = "many"', (file) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(SettingsFile.read({ file, settings, table: ["profiles", "work"] }))
        assert.include(error.message, `${file}: profiles.work.retries: expected`)
        assert.notInclude(error.message, "many")
      })
    )
  )

  it.effect("fails without the file or the table, unless they are not required", () =>
    withFile(TWO_PROFILES, (file) =>
      Effect.gen(function* () {
        const noFile = { file: `${file}.missing`, settings }
        const noTable = { file, settings, table: ["profiles", "none"] }
        assert.include((yield* Effect.flip(SettingsFile.read(noFile))).message, "it does not exist")
        assert.include((yield* Effect.flip(SettingsFile.read(noTable))).message, "[profiles.none] does not exist")
        assert.deepStrictEqual(yield* SettingsFile.read({ ...noFile, required: false }), {})
        assert.deepStrictEqual(yield* SettingsFile.read({ ...noTable, required: false }), {})
      })
    )
  )
})

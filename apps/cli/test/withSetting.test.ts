/**
 * `config set` on every layout that TOML allows: one setting changes, and everything else stays.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { Toml } from "effect/encoding"
import { withSetting } from "../src/settings/withSetting.ts"

const parse = (text: string): any => Result.getOrThrow(Toml.parse(text))

const set = (text: string, profile: string, name: string, value: string) =>
  withSetting("config.toml", text, { profile, name, value })

const layouts: ReadonlyArray<readonly [string, string]> = [
  ["sections", '# top\nprofile = "work" # mine\n\n[profiles.work] # w\nconcurrency = 4 # few\n'],
  ["dotted keys", 'profiles.work.concurrency = 4 # few\nprofiles.work.base_url = "http://x.example"\n'],
  ["an inline table", "profiles = { work = { concurrency = 4 } } # few\n"],
  ["an inline table in a section", '[profiles]\nwork = { concurrency = 4, base_url = "http://x.example" } # few\n'],
  ["quoted segments", '[profiles."work"]\n"concurrency" = 4 # few\n'],
  ["literal segments", "[ profiles . 'work' ]\n'concurrency' = 4 # few\n"],
  ["CRLF", '[profiles.work]\r\nconcurrency = 4 # few\r\nbase_url = "http://x.example"\r\n'],
  ["text over several lines", '[profiles.work]\nformat = """\ncsv"""\nconcurrency = 4 # few\n'],
  ["text that looks like a section", '[profiles.work]\nbase_url = "[profiles.work]"\nconcurrency = 4 # few\n'],
  ["another profile", "[profiles.other]\nretries = 9 # few\n"],
  ["an empty file", ""],
  ["comments alone", "# few\n"]
]

describe("config set", () => {
  for (const [name, text] of layouts) {
    it.effect(`changes, adds and removes one setting in ${name}`, () =>
      Effect.gen(function* () {
        const before = parse(text)
        const work = before.profiles?.work ?? {}
        for (const [key, value, typed] of [
          ["concurrency", "8", 8],
          ["page_size", "50", 50],
          ["format", "ndjson", "ndjson"]
        ] as const) {
          const after = yield* set(text, "work", key, value)
          assert.deepStrictEqual(parse(after), {
            ...before,
            profiles: { ...before.profiles, work: { ...work, [key]: typed } }
          })
          if (text.includes("# few")) assert.include(after, "# few")
          assert.strictEqual(after.includes("\r\n"), text.includes("\r\n"))
        }
        const without = parse(yield* set(text, "work", "concurrency", ""))
        assert.notProperty(without.profiles?.work ?? {}, "concurrency")
        assert.deepStrictEqual(without.profiles?.other, before.profiles?.other)
      })
    )
  }

  it.effect("gives a new profile a section of its own", () =>
    Effect.gen(function* () {
      const text = yield* set("[profiles.a]\nretries = 1\n", "b", "base_url", "http://x.example")
      assert.strictEqual(text, '[profiles.a]\nretries = 1\n\n[profiles.b]\nbase_url = "http://x.example"\n')
    })
  )

  it.effect.prop("takes any value, and keeps the other profiles", [Schema.NonEmptyString], ([value]) =>
    Effect.gen(function* () {
      const first = yield* set('[profiles.a]\nformat = "csv"\n', "b", "base_url", value)
      const { profiles } = parse(yield* set(first, "b", "base_url", `${value}!`))
      assert.deepStrictEqual([profiles.a.format, profiles.b.base_url], ["csv", `${value}!`.toWellFormed()])
    })
  )
})

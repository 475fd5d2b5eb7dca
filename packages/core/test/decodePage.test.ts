import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { decodePage } from "../src/internal/decodePage.ts"
import { timeReader } from "../src/internal/decodePageTime.ts"
import { SessionPage } from "../src/SessionPage.ts"
import { toEpochMillis } from "../src/Timestamp.ts"
import { fieldPaths } from "./schemasFields.ts"

const bySchema = Schema.decodeUnknownResult(SessionPage)

/** Both decoders give the same page, or fail alike. */
const assertSame = (text: string) => {
  const expected = Result.mapError(bySchema(JSON.parse(text)), String)
  assert.deepStrictEqual(Result.mapError(decodePage(JSON.parse(text)), String), expected)
}

const folder = new URL("fixtures/variants/", import.meta.url)

const variants = Fs.readdirSync(folder).map((file): readonly [string, string] => [
  file,
  JSON.stringify(JSON.parse(Fs.readFileSync(new URL(file, folder), "utf8")).wire)
])

const paths = fieldPaths(Schema.toJsonSchemaDocument(SessionPage)).map(({ path }) => path)

/** A copy of the contract's page in which one value is another; the value is JSON text, as 1e400 has no other form. */
const replaced = (path: ReadonlyArray<string>, value: string): string => {
  const page = JSON.parse(variants.find(([file]) => file === "contract.json")?.[1] ?? "")
  if (path.length === 0) return value
  let parent = page
  for (const key of path.slice(0, -1)) parent = parent[key]
  parent[path.at(-1) ?? ""] = "<here>"
  return JSON.stringify(page).replace('"<here>"', value)
}

const texts = ["", "x", "true", "1750000000000", "-5", "2025-06-15", "2025-06-15T15:06:40.123Z", "2025-02-31"]
const values = [
  ...texts.map((text) => JSON.stringify(text)),
  ..."null true false 0 -1.5 1e400 -1e400 1750000000000 1750000000000.9 9e15 {} []".split(" "),
  ...'[{"id":"a"}] {"id":"a"} {"width":1} {"useProxy":"x"} {"__proto__":{"width":"x"}}'.split(" ")
]

describe("decodePage agrees with the schema", () => {
  it("on every field of the contract with every kind of value", () => {
    assert.isAbove(paths.length, 35)
    for (const path of paths) for (const value of values) assertSame(replaced(path, value))
  })

  it.each(variants)("on %s", (_, text) => {
    assert.doesNotThrow(() => assertSame(text))
  })

  it.effect.prop("on any page", [Schema.toType(SessionPage)], ([page]) =>
    Effect.gen(function* () {
      assertSame(JSON.stringify(yield* Schema.encodeEffect(SessionPage)(page)))
    })
  )

  it.effect.prop("on a failure behind times that are converted already", [Schema.Int], ([bad]) =>
    Effect.sync(() => {
      const time = "2025-06-15T15:06:40.123Z"
      assertSame(
        JSON.stringify({
          sessions: [
            { id: "a", createdAt: time, startTime: "7" },
            { id: "b", status: bad }
          ]
        })
      )
    })
  )
})

describe("decodePage", () => {
  it.each(variants)("copies no session of %s", (_, text) => {
    const json = JSON.parse(text)
    const { sessions } = json
    const page = Result.getOrThrow(decodePage(json))
    assert.strictEqual(page.sessions, sessions)
  })
})

const two = (value: number) => String(value).padStart(2, "0")
const Nat = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const Fragment = Schema.Literals(["0", "9", "24", "60", "-", "+", ":", "T", "t", "Z", "z", ".", " ", "x", "０", ""])

describe("timeReader", () => {
  it.effect.prop(
    "agrees with toEpochMillis on times, whole and damaged",
    [Schema.Array(Nat(253_402_300_799_999)), Nat(23), Nat(3), Fragment],
    ([times, at, removed, inserted]) =>
      Effect.sync(() => {
        const read = timeReader()
        for (const time of [...times, ...times.map((near) => near + 1)]) {
          for (const text of [new Date(time).toISOString(), String(time), String(1e12 + time)]) {
            const damaged = text.slice(0, at) + inserted + text.slice(at + removed)
            assert.deepStrictEqual(read(text), toEpochMillis(text), text)
            assert.deepStrictEqual(read(damaged), toEpochMillis(damaged), damaged)
          }
        }
      })
  )

  it("agrees with toEpochMillis on each month's last days", () => {
    const read = timeReader()
    for (const year of ["0000", "1900", "2000", "2024", "2025", "9999"]) {
      for (let month = 0; month <= 13; month++) {
        for (const day of [0, 1, 28, 29, 30, 31, 32]) {
          for (const time of [
            "00:00:00.000",
            "23:59:59.999",
            "24:00:00.000",
            "24:00:00.001",
            "23:60:00.000",
            "00:00:60.000"
          ]) {
            const text = `${year}-${two(month)}-${two(day)}T${time}Z`
            assert.deepStrictEqual(read(text), toEpochMillis(text), text)
          }
        }
      }
    }
  })
})

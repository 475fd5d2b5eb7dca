import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema, Struct } from "effect"
import { decodePage, decodePageStrictly } from "../src/internal/decodePage.ts"
import { timeReader } from "../src/internal/decodePageTime.ts"
import { MAX_DEPTH } from "../src/internal/nesting.ts"
import { type DecodedPage, SessionPage } from "../src/SessionPage.ts"
import * as SessionPageJson from "../src/SessionPageJson.ts"
import { withoutSecrets } from "../src/secretKeys.ts"
import * as SessionsCsv from "../src/SessionsCsv.ts"
import * as SessionsNdjson from "../src/SessionsNdjson.ts"
import { toEpochMillis } from "../src/Timestamp.ts"
import { fieldPaths } from "./schemasFields.ts"

const bySchema = Schema.decodeUnknownResult(SessionPage)

/** Both decoders give the same page, or fail alike. */
const assertSame = (text: string) => {
  const expected = Result.mapError(bySchema(JSON.parse(text)), String)
  assert.deepStrictEqual(Result.mapError(decodePageStrictly(JSON.parse(text)), String), expected)
  // What fits the contract, the tolerant one reads alike.
  if (Result.isSuccess(expected)) assert.deepStrictEqual(withoutNotes(readText(text)), expected.success)
}

const readText = (text: string): DecodedPage => Result.getOrThrow(SessionPageJson.decode(text))

const withoutNotes = (page: DecodedPage): object => Struct.omit(page, ["ignoredValues", "unreadableRows"])

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

describe("decodePageStrictly agrees with the schema, and decodePage where it succeeds", () => {
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

const isPage = Schema.is(Schema.toType(SessionPage))

describe("decodePage", () => {
  it.each(variants)("copies no session of %s", (_, text) => {
    const json = JSON.parse(text)
    const { sessions } = json
    const page = Result.getOrThrow(decodePage(json, { text: () => text }))
    assert.strictEqual(page.sessions, sessions)
  })

  it("reads a page whatever is in any place of a row, and notes what has no meaning", () => {
    const inRows = paths.filter((path) => path.length > 2)
    assert.isAbove(inRows.length, 30)
    for (const path of inRows) {
      for (const value of [...values, "9007199254740993", '""', '[{"a":[1e999]}]']) {
        const text = replaced(path, value)
        const page = readText(text)
        assert.isTrue(isPage(withoutNotes(page)), text)
        const [noted, ...others] = Object.keys(page.ignoredValues ?? {})
        assert.deepStrictEqual(others, [])
        if (path.at(-1) === "id" && path.length === 3 && page.unreadableRows !== undefined) {
          assert.deepStrictEqual(page.sessions, [])
        } else {
          assert.strictEqual(page.sessions.length, 1)
          const name = path.slice(2).join(".")
          if (noted !== undefined) assert.isTrue(noted === name || noted.startsWith(`${name}.`), text)
        }
      }
    }
  })

  it.each([
    ["null", "not a page"],
    ["[]", "not a page"],
    ['{"totalCount":3}', "no rows"],
    ['{"data":[]}', "no rows"],
    ['{"sessions":null}', "no rows"],
    ['{"sessions":null,"totalCount":"1"}', "no rows"],
    ['{"sessions":{"0":{"id":"a"}},"totalCount":1}', "no rows"]
  ])("fails on %s: %s", (text) => {
    assert.isTrue(Result.isFailure(SessionPageJson.decode(text)))
  })

  it("takes no word of a server for its own notes", () => {
    const page = readText('{"sessions":[{"id":"a"}],"unreadableRows":[{"row":1}],"ignoredValues":{"x":7},"more":1}')
    assert.deepStrictEqual<unknown>(page, { sessions: [{ id: "a" }], more: 1 })
  })

  it("hands rows without a usable id over apart, as they were sent", () => {
    const rows = [
      "null",
      "7",
      '"a"',
      "[]",
      "{}",
      '{"id":null}',
      '{"id":""}',
      '{"id":1.5}',
      '{"id":{},"n":9007199254740993}'
    ]
    const page = readText(`{"sessions":[{"id":"a"},${rows.join()},{"id":"b"}]}`)
    assert.deepStrictEqual(
      page.sessions.map(({ id }) => id),
      ["a", "b"] as never
    )
    const { unreadableRows = [] } = page
    assert.deepStrictEqual(unreadableRows.map(SessionsNdjson.encodeUnreadable), rows)
    assert.deepStrictEqual(
      unreadableRows.map(({ index, path, reason }) => [index, path, reason]),
      [
        [1, "sessions[1]", "not-an-object"],
        [2, "sessions[2]", "not-an-object"],
        [3, "sessions[3]", "not-an-object"],
        [4, "sessions[4]", "not-an-object"],
        [5, "sessions[5].id", "id-missing"],
        [6, "sessions[6].id", "id-missing"],
        [7, "sessions[7].id", "id-empty"],
        [8, "sessions[8].id", "id-not-text"],
        [9, "sessions[9].id", "id-not-text"]
      ]
    )
  })
})

/** The one session of a page as it is printed. */
const printed = (row: string): string => {
  const [session] = readText(`{"sessions":[${row}],"totalCount":1}`).sessions
  assert.isDefined(session)
  return SessionsNdjson.encodeSession(session)
}

describe("a row is printed", () => {
  it.each([
    [
      "in the contract's form where it was read",
      '{"id":7,"creditsUsed":"1.50","endTime":5}',
      '{"id":"7","endTime":"5","creditsUsed":1.5}'
    ],
    ["as sent where it was null", '{"id":"a","teamId":null,"launchState":{"screen":null}}'],
    ["as sent where it was empty", '{"id":"a","updatedAt":"","startTime":""}'],
    ["as sent where it had no meaning", '{"id":"a","launchState":{"screen":{"width":"wide"},"useProxy":"maybe"}}'],
    ["as sent where a number is too large", '{"id":"a","creditsUsed":1e400}'],
    [
      "as sent where a number would be rounded",
      '{"id":"a","n":[{"m":-12345678901234567890}],"creditsUsed":9007199254740993}'
    ],
    ["as sent where a number of a launch state would be rounded", '{"id":"a","launchState":{"n":9007199254740993}}'],
    [
      "as sent where a number beside those of a screen would be rounded",
      '{"id":"a","launchState":{"screen":{"width":1,"depth":9007199254740993}}}'
    ],
    [
      "as sent where a number of a screen would be rounded",
      '{"id":"a","launchState":{"screen":{"width":9007199254740993}}}'
    ],
    [
      "as sent where a number of a profile would be rounded",
      '{"id":"a","launchState":{"profile":{"id":"p","n":9007199254740993}}}'
    ],
    ["as sent in fractions beyond a double too", '{"id":"a","big":9007199254740993,"f":0.12345678901234567890}'],
    [
      "with what looks like a number in text",
      '{"id":"a","big":9007199254740993,"t":"\\"9007199254740993, 1e400","n0":{"n0":"7"},"n1":{"n2":"8"}}'
    ],
    [
      "with keys that are spelled with escapes",
      '{"id":"a","big":9007199254740993,"x":{"\\u006e0":"7"}}',
      '{"id":"a","big":9007199254740993,"x":{"n0":"7"}}'
    ],
    ["with keys that mean something to JavaScript", '{"id":"a","__proto__":{"x":9007199254740993},"teamId":null}']
  ])("%s", (_, row, expected = row) => {
    const sorted = (text: string) =>
      text
        .slice(1, -1)
        .split(/,(?=")/)
        .toSorted()
    assert.deepStrictEqual(sorted(printed(row)), sorted(expected))
  })

  it("with what its reader changed", () => {
    const [session] = readText('{"sessions":[{"id":"a","n":9007199254740993,"teamId":null,"useless":1}]}').sessions
    assert.isDefined(session)
    Object.assign(session, { n: 5, teamId: "t" })
    assert.deepStrictEqual(JSON.parse(SessionsNdjson.encodeSession(session)), {
      id: "a",
      n: 5,
      teamId: "t",
      useless: 1
    })
  })

  it("without secrets among what was kept as sent, once they are left out", () => {
    const row = '{"id":"a","launchState":[{"wsEndpoint":"S"}],"token":9007199254740993,"n":9007199254740993}'
    const [session] = readText(`{"sessions":[${row}]}`).sessions
    assert.isDefined(session)
    assert.strictEqual(
      SessionsNdjson.encodeSession(withoutSecrets(session)),
      '{"id":"a","n":9007199254740993,"launchState":[{}]}'
    )
    assert.include(SessionsNdjson.encodeSession(session), '"wsEndpoint":"S"')
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

describe("values that are nested", () => {
  const nested = (levels: number, [open, close]: readonly [string, string]) =>
    `${open.repeat(levels)}1${close.repeat(levels)}`
  const forms = [
    ["[", "]"],
    ['{"a":', "}"]
  ] as const
  const places: ReadonlyArray<readonly [name: string, above: number, text: (value: string) => string]> = [
    ["the page", 0, (value) => value],
    ["a key of the page", 1, (value) => `{"sessions":[],"x":${value}}`],
    ["the total", 1, (value) => `{"sessions":[],"totalCount":${value}}`],
    ["the list", 1, (value) => `{"sessions":${value}}`],
    ["a row", 2, (value) => `{"sessions":[${value}]}`],
    ["an id", 3, (value) => `{"sessions":[{"id":${value}}]}`],
    ["a key of a row", 3, (value) => `{"sessions":[{"id":"a","x":${value}}]}`],
    ["a launch state", 3, (value) => `{"sessions":[{"id":"a","launchState":${value}}]}`],
    ["a key of a launch state", 4, (value) => `{"sessions":[{"id":"a","launchState":{"x":${value}}}]}`],
    ["a key of a screen", 5, (value) => `{"sessions":[{"id":"a","launchState":{"screen":{"x":${value}}}}]}`],
    ["a key of a profile", 5, (value) => `{"sessions":[{"id":"a","launchState":{"profile":{"x":${value}}}}]}`]
  ]
  const isReadAs = (text: string): ReadonlyArray<string> =>
    [SessionPageJson.decode(text), SessionPageJson.decodeStrictly(text)].map((page) =>
      Result.match(page, { onSuccess: () => "read", onFailure: String })
    )

  it.each(places)("too deeply in %s are a failure that tells so", (_, above, text) => {
    for (const form of forms) {
      for (const levels of [MAX_DEPTH - above + 1, 200_000]) {
        for (const said of isReadAs(text(nested(levels, form)))) {
          assert.include(said, `nested more than ${MAX_DEPTH} levels deep`)
          assert.isBelow(said.length, 200)
        }
      }
      const said = isReadAs(text(nested(MAX_DEPTH - above, form)))
      assert.notInclude(said.join(), "levels deep")
    }
  })

  it("as deeply as they may be are written as they came", () => {
    for (const form of forms) {
      const value = nested(MAX_DEPTH - 3, form)
      const [session] = readText(`{"sessions":[{"id":"a","teamId":null,"x":${value}}]}`).sessions
      assert.isDefined(session)
      assert.strictEqual(SessionsNdjson.encodeSession(session), `{"id":"a","x":${value},"teamId":null}`)
      const csv = SessionsCsv.encodeRows({ columns: ["x"] })([session])
      assert.strictEqual(csv.replaceAll('""', '"').replaceAll(/^"|"\r\n$|\r\n$/g, ""), value)
    }
  })
})

// Each takes minutes where it is looked at anew for every part of it.
describe("a page that is very long", () => {
  it("in one number is read", () => {
    const long = `1.${"0".repeat(300_000)}1`
    const [session] = readText(`{"sessions":[{"id":"a","n":9007199254740993,"long":${long}}]}`).sessions
    assert.isDefined(session)
    assert.include(SessionsNdjson.encodeSession(session), `"long":${long}`)
  })

  it("in escapes of one text is printed as sent", () => {
    const row = `{"id":"a","n":9007199254740993,"text":"${'\\\\\\"\\n'.repeat(3_000_000)}"}`
    const [session] = readText(`{"sessions":[${row}]}`).sessions
    assert.isDefined(session)
    assert.isTrue(SessionsNdjson.encodeSession(session) === row)
  })

  it("in numbers of one session is printed as sent", () => {
    const numbers = Array.from({ length: 100_000 }, (_, index) => 9_007_199_254_740_993n + 2n * BigInt(index)).join(",")
    const row = `{"id":"a","numbers":[${numbers}]}`
    const [session] = readText(`{"sessions":[${row}]}`).sessions
    assert.isDefined(session)
    assert.isTrue(SessionsNdjson.encodeSession(session) === row)
  })

  it("in numbers far down is printed as sent", () => {
    const numbers = Array.from({ length: 600_000 }, () => "9007199254740993").join(",")
    const row = `{"id":"a","deep":${"[".repeat(500)}${numbers}${"]".repeat(500)}}`
    const [session] = readText(`{"sessions":[${row}]}`).sessions
    assert.isDefined(session)
    assert.isTrue(SessionsNdjson.encodeSession(session) === row)
  })

  it("in names that look like those that mark a number is read", () => {
    const names = Array.from({ length: 50_000 }, (_, index) => `"n${index}":1`).join(",")
    const row = `{"id":"a","big":9007199254740993,"names":{${names}}}`
    const [session] = readText(`{"sessions":[${row}]}`).sessions
    assert.isDefined(session)
    assert.isTrue(SessionsNdjson.encodeSession(session) === row)
  })
})

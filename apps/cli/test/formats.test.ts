/**
 * The pure parts: text that fits, formats that other parsers read, and charts.
 */
import { assert, describe, it } from "@effect/vitest"
import { Session } from "@hb-sessions/core/Session"
import { Effect, Result, Schema, Stream } from "effect"
import { CliOutput } from "effect/cli"
import { parse as parseYaml } from "yaml"
import { parseSort, sorted } from "../src/commands/list/sort.ts"
import { bar, sparkline } from "../src/commands/stats/chart.ts"
import { groupsOf, weekOf } from "../src/commands/stats/groups.ts"
import { svgOf } from "../src/commands/stats/svg.ts"
import type { EncoderOptions } from "../src/output/formats/Encoder.ts"
import { formats } from "../src/output/formats/formats.ts"
import { didYouMean } from "../src/settings/usage.ts"
import { timesIn } from "../src/output/times.ts"
import { cut, duration, fit, neutralise } from "../src/output/text.ts"

const options: EncoderOptions = {
  columns: undefined,
  isContinued: false,
  width: undefined,
  paint: (_, text) => text,
  dialect: "plain",
  times: timesIn("UTC"),
  isForPeople: false,
  now: Date.UTC(2026, 0, 31)
}

const decode = Schema.decodeUnknownSync(Session)

const written = (format: keyof typeof formats, pages: ReadonlyArray<ReadonlyArray<Session>>, more = {}) => {
  const encoder = formats[format]({ ...options, ...more })
  return pages.map(encoder.rows).join("") + encoder.end()
}

describe("text", () => {
  it.prop("is cut and filled to exactly the width", [Schema.String, Schema.Int], ([text, size]) => {
    const width = 2 + (Math.abs(size) % 40)
    const shown = fit(neutralise(text), width)
    assert.strictEqual(CliOutput.displayWidth(shown), width)
  })

  it("ends in an ellipsis where it was cut", () => {
    assert.deepStrictEqual([cut("abcdef", 4), cut("会议会议", 5), cut("abc", 3)], ["abc…", "会议…", "abc"])
  })

  it("says durations and suggestions", () => {
    assert.deepStrictEqual([950, 1234, 61_000, 3_600_000 + 5 * 60_000].map(duration), [
      "950 ms",
      "1.2 s",
      "1m 1s",
      "1h 5m"
    ])
    assert.strictEqual(didYouMean("retires", ["format", "retries"]), '; did you mean "retries"?')
  })
})

describe("formats", () => {
  it("yaml: numbers with an exponent are numbers to readers of YAML 1.1 too", () => {
    const amounts = [1e-9, 1.5e-7, 1e21, 0.5, 3]
    const sessions = amounts.map((creditsUsed) => decode({ id: "a", creditsUsed }))
    const text = written("yaml", [sessions])
    for (const version of ["1.1", "1.2"] as const) {
      assert.deepStrictEqual(
        parseYaml(text, { version }).map((session: any) => session.creditsUsed),
        amounts
      )
    }
  })

  it("table: no line of a later page is wider than the terminal, and no number is cut", () => {
    const session = (creditsUsed: number) =>
      decode({ id: "5f0c2f0e-6a58-4d7e-9a57-0f6b5a5d9a01", status: "closed", creditsUsed })
    const pages = [[session(1)], [session(12_345_678.9), session(2)]]
    for (const width of [60, 72, 80]) {
      const text = written("table", pages, { width })
      assert.include(text, "12345678.90")
      for (const line of text.split("\n")) assert.isAtMost(line.length, width)
    }
    assert.include(written("table", pages, {}), "5f0c2f0e-6a58-4d7e-9a57-0f6b5a5d9a01  closed")
  })

  it("table: times in the zone of the reader, and the age of what still runs", () => {
    const createdAt = "2026-01-30T23:30:00.000Z"
    const text = written("table", [[decode({ id: "a", status: "active", createdAt, startTime: null })]], {
      times: timesIn("Europe/Paris")
    })
    assert.include(text, "CREATED (Paris)")
    assert.match(text, /2026-01-31 00:30 +30m 0s/)
  })

  it("times: in UTC as the formatter of the system writes them, in any year", () => {
    const formatter = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium", timeZone: "UTC" })
    for (const year of ["-000050", "0000", "0007", "0476", "0999", "1000", "1582", "1969", "2026", "9999", "+012345"]) {
      const millis = Date.parse(`${year}-10-09T08:07:06.005Z`)
      assert.strictEqual(timesIn("UTC").second(millis), formatter.format(millis))
      assert.strictEqual(timesIn("UTC").minute(millis), formatter.format(millis).slice(0, -3))
    }
  })

  it("yaml: epoch milliseconds are followed by the time, for people", () => {
    const sessions = [decode({ id: "a", startTime: "1769815800000", endTime: null })]
    const text = written("yaml", [sessions], { isForPeople: true, times: timesIn("Asia/Tokyo") })
    assert.include(text, 'startTime: "1769815800000" # 2026-01-31 08:30:00 Asia/Tokyo\n')
    assert.deepStrictEqual(parseYaml(text), parseYaml(written("yaml", [sessions])))
  })

  it("csv: --dialect spreadsheet guards formulas", () => {
    const sessions = [decode({ id: "=1+2", status: "closed" })]
    assert.include(written("csv", [sessions], { dialect: "spreadsheet" }), "'=1+2,")
    assert.notInclude(written("csv", [sessions]), "'=")
  })

  const Awkward = Schema.Struct({
    id: Schema.NonEmptyString,
    status: Schema.String,
    notes: Schema.Array(Schema.NullOr(Schema.String)),
    more: Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Boolean, Schema.Int]))
  })

  it.prop("yaml and json of any text are read back", [Schema.Array(Awkward)], ([values]) => {
    const sessions = values.map((value) => decode(value))
    const expected = JSON.parse(JSON.stringify(values))
    assert.deepStrictEqual(JSON.parse(written("json", [sessions])), expected)
    assert.deepStrictEqual(JSON.parse(JSON.stringify(parseYaml(written("yaml", [sessions])))), expected)
  })

  for (const text of [
    "true",
    "No",
    "null",
    "y",
    "~",
    "-",
    "1e3",
    "0x1",
    "2026-01-01",
    "a: b",
    "# c",
    "- d",
    "",
    " e "
  ]) {
    it(`yaml keeps ${JSON.stringify(text)} text`, () => {
      const yaml = written("yaml", [[decode({ id: "a", status: text })]])
      assert.deepStrictEqual(parseYaml(yaml), [{ id: "a", status: text }])
      // Every version of YAML agrees on what is quoted.
      assert.include(yaml, `status: ${JSON.stringify(text)}`)
    })
  }

  it.prop("tsv has a line a session and a cell a column, whatever the text", [Schema.Array(Awkward)], ([values]) => {
    const text = written("tsv", [values.map((value) => decode(value))], { columns: ["id", "status"] })
    const [, ...body] = text.split("\n").slice(0, -1)
    const back = (cell = "") =>
      cell.replace(/\\([\\tnr])/g, (_, escape: string) => ({ t: "\t", n: "\n", r: "\r" })[escape] ?? "\\")
    assert.deepStrictEqual(
      body.map((line) => line.split("\t").map(back)),
      values.map(({ id, status }) => [id, status].map((cell) => cell.replaceAll("\0", "\uFFFD").toWellFormed()))
    )
  })

  it("are whole without a session", () => {
    assert.deepStrictEqual(JSON.parse(written("json", [])), [])
    assert.deepStrictEqual(parseYaml(written("yaml", [])), [])
    assert.strictEqual(written("ndjson", []), "")
    assert.match(written("csv", []), /^id,[^\n]+\r\n$/)
  })
})

describe("charts", () => {
  it("draw what there is in the width that there is", () => {
    assert.deepStrictEqual([bar(0, 10), bar(0.001, 10), bar(0.5, 3), bar(1, 3)], ["", "▏", "█▌", "███"])
    assert.strictEqual(sparkline([0, 1, 4, 8], 10), " ▁▄█")
    assert.lengthOf(sparkline(Array.from({ length: 1000 }, Math.random), 60), 59)
  })

  const day = { sessions: 1, credits: 1 }
  const summary = {
    sessions: 3,
    activeNow: 0,
    credits: 3,
    byStatus: { closed: 2, "<error>": 1 },
    byDay: { "2026-01-04": day, "2026-01-05": day, "2026-01-19": day },
    byTeam: {},
    launchFeatures: {}
  }

  it("have no gaps in time, and weeks that begin on Monday", () => {
    assert.strictEqual(weekOf("2026-01-04"), "2025-12-29")
    assert.deepStrictEqual(
      groupsOf(summary, "week").map(({ name, sessions }) => [name, sessions]),
      [
        ["2025-12-29", 1],
        ["2026-01-05", 1],
        ["2026-01-12", 0],
        ["2026-01-19", 1]
      ]
    )
    assert.lengthOf(groupsOf(summary, "day"), 16)
  })

  it("are pictures in which text of the API is text", () => {
    const svg = svgOf(summary, groupsOf(summary, "status"), "status")
    assert.include(svg, "&lt;error&gt;")
    assert.notInclude(svg, "<error>")
  })
})

describe("an order", () => {
  it.effect("is emitted in parts whose text is no longer than a text can be", () =>
    Effect.gen(function* () {
      const sessions = Array.from({ length: 2500 }, (_, index) => decode({ id: `s${(index * 7) % 2500}` }))
      const sort = yield* Effect.fromResult(Result.mapError(parseSort("id"), ({ message }) => message))
      const parts = yield* Stream.runCollect(sorted(Stream.succeed({ sessions }), sort, Infinity))
      assert.deepStrictEqual(
        parts.map((part) => part.sessions.length),
        [1000, 1000, 500]
      )
      const ids = parts.flatMap((part) => part.sessions.map(({ id }) => id))
      assert.deepStrictEqual(ids, sessions.map(({ id }) => id).toSorted())
    })
  )
})

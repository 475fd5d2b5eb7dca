import * as Fs from "node:fs"
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import { ErrorBody } from "../src/ErrorBody.ts"
import { errorDetail, safeText } from "../src/internal/errorDetail.ts"
import { firstProblem } from "../src/firstProblem.ts"
import { LaunchState, ScreenConfig, SessionProfile } from "../src/LaunchState.ts"
import { Session } from "../src/Session.ts"
import { SessionPage } from "../src/SessionPage.ts"
import { TimestampIso, TimestampMillis, toEpochMillis } from "../src/Timestamp.ts"

// A time without an offset is UTC wherever the tests run.
vi.stubEnv("TZ", "America/New_York")

const schemas = { Session, SessionPage, LaunchState, ScreenConfig, SessionProfile, ErrorBody }

describe("a value survives encoding and decoding", () => {
  for (const [name, schema] of Object.entries(schemas)) {
    const codec: Schema.Codec<unknown> = schema as never
    it.effect.prop(name, [Schema.toType(codec)], ([value]) =>
      Effect.gen(function* () {
        const encoded = yield* Schema.encodeEffect(codec)(value)
        // Not by way of JSON.parse: the V8 of Node 24 reads a key "\u0000" as "\\" when one stood in its place before.
        const decoded = yield* Schema.decodeUnknownEffect(codec)(structuredClone(encoded))
        assert.deepStrictEqual(decoded, value)
        assert.strictEqual(JSON.stringify(yield* Schema.encodeEffect(codec)(decoded)), JSON.stringify(encoded))
      })
    )
  }
})

interface Variant {
  /** What is unusual. */
  readonly about: string
  /** The body as a server sends it. */
  readonly wire: unknown
  /** What it decodes to. */
  readonly decoded: unknown
  /** What that encodes to, where it is not `wire` again. */
  readonly encoded?: unknown
}

const folder = new URL("fixtures/variants/", import.meta.url)

const variants = Fs.readdirSync(folder).map((file): readonly [string, Variant] => [
  file,
  JSON.parse(Fs.readFileSync(new URL(file, folder), "utf8"))
])

describe("a page as servers send it", () => {
  it.effect.each(variants)("%s", ([, variant]) =>
    Effect.gen(function* () {
      const decoded = yield* Schema.decodeUnknownEffect(SessionPage)(variant.wire)
      assert.deepStrictEqual<unknown>(decoded, variant.decoded)
      assert.deepStrictEqual<unknown>(yield* Schema.encodeEffect(SessionPage)(decoded), variant.encoded ?? variant.wire)
    })
  )
})

describe("a page is rejected", () => {
  it.effect.each([
    [null, "", ""],
    ["text", "", ""],
    [{}, "sessions", ""],
    [{ sessions: {} }, "sessions", ""],
    [{ sessions: [], totalCount: "1" }, "totalCount", ""],
    [{ sessions: [], perPage: null }, "perPage", ""],
    [{ sessions: [{ id: "a" }, { teamId: "t" }] }, "sessions[1].id", ""],
    [{ sessions: [{ id: "" }] }, "sessions[0].id", ""],
    [{ sessions: [{ id: "a", status: null }] }, "sessions[0].status", ""],
    [{ sessions: [{ id: "a", createdAt: null }] }, "sessions[0].createdAt", ""],
    [{ sessions: [{ id: "a", createdAt: "yesterday" }] }, "sessions[0].createdAt", "a timestamp"],
    [{ sessions: [{ id: "a", startTime: "" }] }, "sessions[0].startTime", "a timestamp"],
    [{ sessions: [{ id: "a", launchState: { useProxy: "yes" } }] }, "sessions[0].launchState.useProxy", ""],
    [{ sessions: [{ id: "a", launchState: { screen: { width: "1" } } }] }, "sessions[0].launchState.screen.width", ""]
  ] as const)("%j", ([wire, path, detail]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Schema.decodeUnknownEffect(SessionPage)(wire))
      const problem = firstProblem(error.issue)
      assert.strictEqual(problem.path, path)
      assert.include(problem.detail, detail)
      assert.notInclude(problem.detail, "yesterday")
    })
  )
})

describe("an error body", () => {
  const key = Redacted.make("hb-key-1")

  it.effect.each([
    [{ message: "No such page" }, "No such page"],
    [{ error: "Plan exhausted", code: "PLAN" }, "Plan exhausted"],
    [{ error: { message: "Nested", code: 7 } }, "Nested"],
    [{ message: "Said twice", error: "Bad Request", statusCode: 400 }, "Said twice"],
    [{ message: "bad key hb-key-1\u001b[31m\r\nnext" }, "bad key <redacted> [31m next"],
    [{}, ""]
  ] as const)("%j", ([wire, detail]) =>
    Effect.gen(function* () {
      assert.strictEqual(errorDetail(wire, key), detail)
      const decoded = yield* Schema.decodeEffect(ErrorBody)(wire)
      assert.deepStrictEqual<unknown>(decoded, wire)
      assert.deepStrictEqual<unknown>(yield* Schema.encodeEffect(ErrorBody)(decoded), wire)
    })
  )

  it("hides the key in every encoding that a server may echo it in", () => {
    const secret = Redacted.make("hb/canary+5f1c9e")
    const text = Redacted.value(secret)
    for (const around of ["", "u:", "user:"]) {
      const base64 = [btoa(around + text), btoa(`${around}${text}!`)]
      const urlSafe = base64.map((form) => form.replaceAll("+", "-").replaceAll("/", "_"))
      for (const message of [text, encodeURIComponent(text), ...base64, ...urlSafe]) {
        assert.include(errorDetail({ message }, secret), "<redacted>", message)
      }
    }
    assert.strictEqual(safeText(`id ${text}`, secret), "id <redacted>")
  })

  it("may have errors in errors, however many", () => {
    const inside = (levels: number, inner: string) =>
      JSON.parse(`${'{"error":'.repeat(levels)}${inner}${"}".repeat(levels)}`)
    assert.strictEqual(errorDetail(inside(200_000, '{"message":"Inmost"}'), key), "Inmost")
    assert.strictEqual(errorDetail(inside(200_000, "7"), key), "")
  })

  it("may be no object and have no text", () => {
    for (const body of [undefined, null, "text", 7, [], { message: 7 }, { error: null }]) {
      assert.strictEqual(errorDetail(body, key), "")
    }
  })
})

const Millis = Schema.Int.check(Schema.isBetween({ minimum: -8.64e15, maximum: 8.64e15 }))

describe("a time", () => {
  it.effect.prop("is the same in every spelling", [Millis], ([millis]) =>
    Effect.gen(function* () {
      const iso = new Date(millis).toISOString()
      for (const schema of [TimestampMillis, TimestampIso]) {
        for (const spelling of [millis, String(millis), iso]) {
          assert.strictEqual(yield* Schema.decodeEffect(schema)(spelling), millis)
        }
      }
      assert.strictEqual(yield* Schema.encodeEffect(TimestampMillis)(millis), String(millis))
      assert.strictEqual(yield* Schema.encodeEffect(TimestampIso)(millis), iso)
    })
  )

  it.each([
    [
      "",
      "now",
      "12345678901234567",
      "2025-13-01",
      "2025-06-15T25:00:00Z",

      "1e3",
      " 1",
      "0x10",
      "8640000000000001"
    ],
    [Number.NaN, Number.POSITIVE_INFINITY, 8.64e15 + 1, -8.64e15 - 1]
  ])("is not read from %j, …", (...inputs) => {
    for (const input of inputs) assert.isNaN(toEpochMillis(input), String(input))
  })
})

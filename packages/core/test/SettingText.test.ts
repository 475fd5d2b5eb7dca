import { assert, describe, it } from "@effect/vitest"
import { Duration, Option, Schema } from "effect"
import { durationText, RateText, sizeText } from "../src/SettingText.ts"
import { clientSettings } from "../src/SessionsConfig.ts"

describe("durationText", () => {
  const read = (text: string, bounds?: Parameters<typeof durationText>[0]) =>
    Option.map(Schema.decodeOption(durationText(bounds))(text), Duration.toMillis)

  for (const [text, millis] of [
    ["0", 0],
    ["0s", 0],
    ["250ms", 250],
    ["1.5s", 1500],
    ["1.1 seconds", 1100],
    ["30 seconds", 30_000],
    ["15m", 900_000],
    ["12h", 43_200_000],
    ["1 day", 86_400_000],
    ["2w", 1_209_600_000],
    [" 500 millis ", 500]
  ] as const) {
    it(`reads ${text}`, () => assert.deepStrictEqual(read(text), Option.some(millis)))
  }

  for (const text of ["", "5", "soon", "-1s", "NaN", "Infinity", "1.5ms", "1500.5ms", "25d", "999999999d", "1e3s"]) {
    it(`rejects ${JSON.stringify(text)}`, () => assert.deepStrictEqual(read(text), Option.none()))
  }

  it("keeps to its bounds", () => {
    assert.deepStrictEqual(read("0", { min: 1 }), Option.none())
    assert.deepStrictEqual(read("0s", { min: 1 }), Option.none())
    assert.deepStrictEqual(read("90d", { max: 36_500 * 86_400_000 }), Option.some(7_776_000_000))
    assert.deepStrictEqual(read("36501d", { max: 36_500 * 86_400_000 }), Option.none())
  })
})

describe("sizeText", () => {
  const read = Schema.decodeOption(sizeText({ min: 1 }))
  for (const [text, bytes] of [
    ["16777216", 16_777_216],
    ["16m", 16_777_216],
    ["16M", 16_777_216],
    ["64 KiB", 65_536],
    ["1gb", 1_073_741_824],
    ["7b", 7]
  ] as const) {
    it(`reads ${text}`, () => assert.deepStrictEqual(read(text), Option.some(bytes)))
  }
  for (const text of ["", "0", "m", "1.5m", "-1", "9007199254740993", "99999999g", "1t", "1e6"]) {
    it(`rejects ${JSON.stringify(text)}`, () => assert.deepStrictEqual(read(text), Option.none()))
  }
})

describe("RateText", () => {
  const read = Schema.decodeOption(RateText)
  it("reads numbers, and 0 as no limit", () =>
    assert.deepStrictEqual(
      ["0", "0.5", "20"].map((text) => read(text)),
      [0, 0.5, 20].map(Option.some)
    ))
  it("rejects what is none", () =>
    assert.deepStrictEqual(
      ["", "-1", "NaN", "Infinity", "fast"].filter((text) => Option.isSome(read(text))),
      []
    ))
})

it("a size that is shown in another form is the default", () => {
  const { default: fallback, schema, shown = "" } = clientSettings.maxBodyBytes
  assert.strictEqual(Schema.decodeSync(schema)(shown), Schema.decodeSync(schema)(fallback))
})

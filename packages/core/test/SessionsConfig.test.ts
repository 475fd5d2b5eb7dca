import { assert, describe, it } from "@effect/vitest"
import { Duration, Option, Schema } from "effect"
import { durationText } from "../src/SessionsConfig.ts"

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

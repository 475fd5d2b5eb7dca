import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Session } from "../src/Session.ts"
import { encodeColumns, pickColumns } from "../src/SessionsNdjson.ts"

const session = Schema.decodeSync(Session)({
  id: "a",
  status: "closed",
  createdAt: "2026-01-31T00:00:00.000Z",
  launchState: { screen: { width: 1280, height: 720 }, useProxy: true },
  tags: ["x", { token: "SECRET", deep: 1 }],
  "dotted.key": 2
})

describe("encodeColumns", () => {
  const cases: ReadonlyArray<readonly [string, ReadonlyArray<string>, string]> = [
    ["nests columns as the API does", ["launchState.screen.width"], '{"launchState":{"screen":{"width":1280}}}'],
    ["leaves out absent values", ["id", "gone", "launchState.gone", "tags.length"], '{"id":"a"}'],
    ["writes a named key whole", ["tags", "tags.0"], '{"tags":["x",{"deep":1}]}'],
    ["writes times in the contract's form", ["createdAt"], '{"createdAt":"2026-01-31T00:00:00.000Z"}'],
    [
      "writes all but secrets for *",
      ["id", "*"],
      '{"id":"a","status":"closed","createdAt":"2026-01-31T00:00:00.000Z","launchState":{"useProxy":true,"screen":{"width":1280,"height":720}},"tags":["x",{"deep":1}],"dotted.key":2}'
    ],
    ["takes escaped names, and no inherited keys", ["dotted\\.key", "constructor"], '{"dotted.key":2}']
  ]
  for (const [what, columns, text] of cases) {
    it(`${what}`, () => {
      assert.strictEqual(encodeColumns(columns)(session), text)
      assert.strictEqual(JSON.stringify(pickColumns(columns)(session)), text)
    })
  }
})

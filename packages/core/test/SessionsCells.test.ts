import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as SessionPageJson from "../src/SessionPageJson.ts"
import { Session } from "../src/Session.ts"
import * as SessionsCells from "../src/SessionsCells.ts"
import * as SessionsColumns from "../src/SessionsColumns.ts"
import * as SessionsCsv from "../src/SessionsCsv.ts"

/** The one session of a page of a row. */
const sessionOf = (row: string): Session => {
  const [session] = Result.getOrThrow(SessionPageJson.decode(`{"sessions":[${row}]}`)).sessions
  assert.isDefined(session)
  return session
}

const cellsOf = (row: string, ...columns: ReadonlyArray<string>) => {
  const { cells, rescued } = SessionsCells.encode(columns)(sessionOf(row))
  return rescued === undefined ? cells : [...cells, rescued]
}

describe("the type of a column", () => {
  it("is that of the values of the contract, as its schema has it", () => {
    const values = { text: "a", number: 1.5, boolean: true, time: 1 }
    const row = Object.fromEntries(
      SessionsColumns.columns.map((column) => [column, values[SessionsColumns.columnType(column)]])
    )
    assert.deepStrictEqual(Schema.encodeUnknownSync(SessionsCsv.SessionRow)(row), {
      ...row,
      createdAt: new Date(1).toISOString(),
      startTime: new Date(1).toISOString(),
      endTime: new Date(1).toISOString(),
      updatedAt: new Date(1).toISOString()
    })
    assert.strictEqual(SessionsColumns.columnType("duration"), "text")
    assert.strictEqual(SessionsColumns.columnType("constructor"), "text")
  })
})

describe("the cells of a session", () => {
  it.each([
    [
      "are values of the types of their columns",
      '{"id":"a","startTime":"5","creditsUsed":1.5,"launchState":{"useProxy":false,"screen":{"width":1280}}}',
      ["id", "startTime", "creditsUsed", "launchState.useProxy", "launchState.screen.width"],
      ["a", 5, 1.5, false, 1280]
    ],
    [
      "are null where there is no value",
      '{"id":"a","endTime":null,"updatedAt":"","launchState":{"screen":null}}',
      ["endTime", "updatedAt", "launchState.screen.width", "teamId"],
      [null, null, null, null]
    ],
    ["are empty text where that was sent", '{"id":"a","status":""}', ["status"], [""]],
    [
      "are text outside the contract, numbers as they were sent",
      '{"id":"a","n":1.50,"big":9007199254740993,"t":"1","list":[true,{"token":"S"}],"nil":null}',
      ["n", "big", "t", "list", "nil"],
      ["1.5", "9007199254740993", "1", "[true,{}]", null]
    ],
    [
      "are null where a value has no meaning, which is rescued",
      '{"id":"a","createdAt":"soon","creditsUsed":1e400,"launchState":{"useProxy":"maybe","screen":"1280x720"}}',
      ["createdAt", "creditsUsed", "launchState.useProxy", "launchState.screen.width", "launchState.screen.height"],
      [
        null,
        null,
        null,
        null,
        null,
        '{"createdAt":"soon","creditsUsed":1e400,"launchState.useProxy":"maybe","launchState.screen":"1280x720"}'
      ]
    ],
    [
      "are the nearest number to one that cannot be held, which is rescued",
      '{"id":"a","creditsUsed":9007199254740993}',
      ["creditsUsed"],
      [9007199254740992, '{"creditsUsed":9007199254740993}']
    ],
    [
      "have U+FFFD in place of half a surrogate pair, which is rescued",
      '{"id":"a\\ud83d","tag":"\\ude00"}',
      ["id", "tag"],
      ["a\uFFFD", "\uFFFD", '{"id":"a\\ud83d","tag":"\\ude00"}']
    ],
    ["hold NUL and a byte order mark", '{"id":"\\ufeffa\\u0000b"}', ["id"], ["\uFEFFa\0b"]],
    [
      "rescue only what the columns ask for, and no secret",
      '{"id":"a","createdAt":"soon","launchState":[{"wsEndpoint":"S"}]}',
      ["id", "launchState.extra"],
      ["a", null, '{"launchState":[{}]}']
    ],
    [
      "rescue nothing that a column outside the contract holds as it was sent",
      '{"id":"a","launchState":{"useProxy":"maybe","screen":"x"}}',
      ["launchState", "launchState.screen"],
      ['{"useProxy":"maybe","screen":"x"}', "x"]
    ],
    [
      "may have names that mean something to JavaScript",
      '{"id":"a","__proto__":"\\ud800"}',
      ["__proto__", "toString"],
      ["\uFFFD", null, '{"__proto__":"\\ud800"}']
    ]
  ] as const)("%s", (_, row, columns, expected) => {
    assert.deepStrictEqual(cellsOf(row, ...columns), [...expected])
  })
})

import { assert, describe, it } from "vitest"
import { sessionsOf } from "../src/page/api.ts"
import { fieldsOf, rowOf, sortedBy, timeText, valueText } from "../src/page/Row.ts"

const rowsOf = (...values: ReadonlyArray<string>) =>
  sessionsOf(values.map((value, index) => `{"id":"${index}","odd":${value}}`)).map(rowOf)
const orderOf = (values: ReadonlyArray<string>, direction: 1 | -1) =>
  sortedBy(rowsOf(...values), "odd", direction).map(({ session }) => session.id as string)

describe("rows", () => {
  it("are sorted by numbers as numbers, whatever their length, and by text; those without a value are last", () => {
    const values = ["10", "9", "null", "12345678901234567891", "12345678901"]
    assert.deepStrictEqual(orderOf(values, 1), ["1", "0", "4", "3", "2"])
    assert.deepStrictEqual(orderOf(values, -1), ["3", "4", "0", "1", "2"])
    assert.deepStrictEqual(orderOf(['"b"', '"a"'], 1), ["1", "0"])
  })

  it("are sorted by objects that pretend to be something else", () => {
    const evil = '[{"toString":1,"valueOf":2,"toJSON":3,"__proto__":null}]'
    assert.sameMembers([...orderOf([evil, evil, "[]", "1", '"x"'], 1)], ["0", "1", "2", "3", "4"])
  })

  it("have text for every value, short enough to be drawn", () => {
    const [session] = sessionsOf([
      '{"id":"a","status":"s","text":"' + "x".repeat(9000) + '","deep":{"a":[1,{"b":null}]}}'
    ])
    assert.isDefined(session)
    const fields = Object.fromEntries(session === undefined ? [] : fieldsOf(session))
    assert.strictEqual(fields["text"]?.length, 2001)
    assert.strictEqual(fields["deep.a"], '[1,{"b":null}]')
    assert.strictEqual(valueText(1e300, "creditsUsed"), "1E300")
    assert.strictEqual(valueText(-0.123456789, "creditsUsed"), "-0.123456789")
    assert.strictEqual(timeText(1e300), "1e+300")
    assert.strictEqual(valueText(1e300, "run time").length < 30, true)
  })
})

/**
 * Rows of text as lines, also very many of them.
 */
import { assert, it } from "@effect/vitest"
import { aligned } from "../src/aligned.ts"

it("aligns columns, and lets no control character through", () => {
  assert.deepStrictEqual(
    aligned([
      ["NAME", "AGE"],
      ["a\u001bb", "1"],
      ["longer", ""]
    ]),
    ["NAME    AGE", "a?b     1", "longer"]
  )
})

it("aligns more rows than a call takes as arguments", () => {
  const lines = aligned(Array.from({ length: 150_000 }, (_, index) => [String(index), "x"]))
  assert.deepStrictEqual([lines.length, lines[7], lines.at(-1)], [150_000, "7       x", "149999  x"])
})

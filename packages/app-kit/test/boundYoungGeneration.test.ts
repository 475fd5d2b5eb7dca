/**
 * How much room a program gives to new objects.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { fileURLToPath } from "node:url"
import * as Bin from "../src/Bin.ts"
import { TELL_MEMORY, toldMemory } from "../src/tellMemory.ts"

const program = fileURLToPath(new URL("fixtures/makeGarbage.ts", import.meta.url))

const roomWith = (...options: ReadonlyArray<string>) =>
  Effect.map(
    Bin.run(program, [], { NODE_OPTIONS: [TELL_MEMORY, ...options].join(" ") }),
    ({ stderr }) => toldMemory(stderr).room
  )

describe("boundYoungGeneration", () => {
  it.live("lets the room grow to 32 MB, or to twice that where it is late", () =>
    Effect.gen(function* () {
      const room = yield* roomWith()
      assert.isAtLeast(room, 16)
      assert.isAtMost(room, 64)
    })
  )

  it.live.each([
    ["--max-semi-space-size=64", 65, 256],
    ["--max_semi_space_size=64", 65, 256],
    ["--max-semi-space-size=2", 1, 4]
  ] as const)("leaves it to %s", ([options, least, most]) =>
    Effect.gen(function* () {
      const room = yield* roomWith(options)
      assert.isAtLeast(room, least)
      assert.isAtMost(room, most)
    })
  )
})

import { assert, it } from "@effect/vitest"
import { makeRng } from "@hb-sessions/simulator/Rng"
import { addTeam, joinTeams } from "../src/publish/Account.ts"

it("keeps the first thousand teams in order, each once, in whatever order they come", () => {
  const rng = makeRng("teams")
  const all = Array.from({ length: 5000 }, (_, index) => `team ${rng.below(1500, index, 1)}`)
  for (const teams of [all, all.toSorted(), all.toSorted().toReversed()]) {
    const found = teams.reduce<ReadonlyArray<string>>(addTeam, [])
    assert.deepStrictEqual(found, joinTeams([], all))
    assert.strictEqual(found.length, 1000)
  }
})

it("leaves teams that are known as they are", () => {
  const teams = ["a", "b"]
  assert.strictEqual(addTeam(teams, "b"), teams)
  assert.deepStrictEqual(addTeam(teams, ""), ["", "a", "b"])
})

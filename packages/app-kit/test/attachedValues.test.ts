import { assert, describe, it } from "@effect/vitest"
import { Completions } from "effect/cli"
import { Command, Flag } from "effect/cli"
import { splitAttached } from "../src/attachedValues.ts"

const list = Command.make("list", {
  limit: Flag.Int("limit").pipe(Flag.withAlias("n")),
  output: Flag.String("output").pipe(Flag.withAlias("o")),
  all: Flag.Boolean("all").pipe(Flag.withAlias("a"))
})
const root = Completions.fromCommand(Command.make("app").pipe(Command.withSubcommands([list])))

describe("splitAttached", () => {
  const cases = [
    ["-n5", ["-n", "5"]],
    ["-n=5", ["-n=5"]],
    ["-n", ["-n"]],
    ["-oa.csv", ["-o", "a.csv"]],
    ["-o/tmp/a=b", ["-o", "/tmp/a=b"]],
    ["-an5", ["-a", "-n", "5"]],
    ["-a", ["-a"]],
    ["-ax", ["-ax"]],
    ["-x5", ["-x5"]],
    ["-5", ["-5"]],
    ["--limit5", ["--limit5"]],
    ["-", ["-"]]
  ] as const
  for (const [arg, expected] of cases) {
    it(`reads ${arg} as ${expected.join(" ")}`, () => {
      assert.deepStrictEqual(splitAttached(["list", arg], root), ["list", ...expected])
    })
  }

  it("leaves what comes after --, and flags of other commands, as they are", () => {
    assert.deepStrictEqual(splitAttached(["list", "--", "-n5"], root), ["list", "--", "-n5"])
    assert.deepStrictEqual(splitAttached(["-n5"], root), ["-n5"])
  })
})

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { fileURLToPath } from "node:url"
import * as Bin from "../src/Bin.ts"

const app = fileURLToPath(new URL("./fixtures/app.ts", import.meta.url))

describe("run", () => {
  const endings = [
    [["succeed"], { code: 0, stdout: "", stderr: "" }],
    [["fail"], { code: 42, stdout: "", stderr: "app: it went wrong\n" }],
    [["die"], { code: 1, stdout: "", stderr: "app: unexpected error: a bug; please report it\n" }],
    [["--version"], { code: 0, stdout: "app v1.2.3\n", stderr: "" }]
  ] as const
  for (const [args, expected] of endings) {
    it.live(`${args[0]}: one line at most, and the exit code`, () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* Bin.run(app, args)
        assert.deepStrictEqual({ code, stdout, stderr }, expected)
      })
    )
  }

  it.live("a usage error: exit code 2, on stderr, with a suggestion", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Bin.run(app, ["sucseed"])
      assert.deepStrictEqual({ code, stdout }, { code: 2, stdout: "" })
      assert.match(
        stderr,
        /^app: Unknown subcommand "sucseed".*did you mean succeed\?\nRun "app --help" for usage\.\n$/
      )
    })
  )

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it.live(`${signal}: finalizers run, exit code 130`, () =>
      Effect.gen(function* () {
        const started = yield* Effect.orDie(Bin.start(app, ["wait"]))
        const { code, stderr, stdout } = yield* started.stop(signal)
        assert.deepStrictEqual({ code, stdout, stderr }, { code: 130, stdout: "waiting\nreleased\n", stderr: "" })
      }).pipe(Effect.scoped)
    )
  }
})

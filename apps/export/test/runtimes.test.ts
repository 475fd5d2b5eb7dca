/**
 * The built program on every Node that it supports.
 */
import { assert, describe, it } from "@effect/vitest"
import type * as Bin from "@hb-sessions/app-kit/Bin"
import { nodes } from "@hb-sessions/runtimes"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { bin, environment, hasCheckpoint, launch, manifestOf, run, scratch, until } from "./support.ts"

/** Runs the program to its end; without more environment than this, so that Node says what it has to say. */
const execute = (node: string, env: Bin.Env, ...args: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    const child = spawn(node, [bin, ...args], { env: { ...env, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "pipe"] })
    const output = { stdout: "", stderr: "" }
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text))
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text))
    const [code]: ReadonlyArray<unknown> = await once(child, "close")
    return { code, ...output }
  })

for (const [version, node] of Object.entries(nodes)) {
  describe(`Node ${version}`, () => {
    it.live("prints its help", () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* execute(node, {}, "run", "--help")
        assert.deepStrictEqual([code, stderr], [0, ""])
        assert.strictEqual(stdout, (yield* run({ NO_COLOR: "1" }, "run", "--help")).stdout)
      })
    )

    it.live("exports in every format, verifies, inspects, and prints nothing else", () =>
      Effect.gen(function* () {
        const env = environment(yield* Simulator)
        const root = yield* scratch
        const forms = [
          ["--compress", "zstd", "--mode", "incremental"],
          ["--format", "ndjson", "--compress", "gzip", "--partition", "day", "--tz", "Europe/Paris"]
        ]
        for (const [index, form] of forms.entries()) {
          const out = join(root, String(index))
          const ran = yield* execute(node, env, "run", "--out", out, ...form)
          assert.deepStrictEqual([ran.code, ran.stderr], [0, ""])
          assert.strictEqual(manifestOf(out).sessions, 30)
          for (const command of ["verify", "inspect"]) {
            const { code, stderr } = yield* execute(node, {}, command, "--out", out)
            assert.deepStrictEqual([code, stderr], [0, ""], command)
          }
        }
      }).pipe(Effect.provide(Simulator.layer({ sessions: 30 })), Effect.scoped)
    )

    it.live(
      "is locked out, and locks out, whatever Node the other runs on",
      () =>
        Effect.gen(function* () {
          const simulator = yield* Simulator
          const env = environment(simulator)
          const root = yield* scratch
          yield* simulator.setFaults({ script: [{ fault: "hang", page: 3 }] })
          for (const [name, first, second] of [
            ["is locked out", process.execPath, node],
            ["locks out", node, process.execPath]
          ] as const) {
            const out = join(root, name)
            const { child, ended } = launch(env, [bin, "run", "--out", out, "--checkpoint-every", "0 millis"], [first])
            yield* Effect.promise(() => until(() => hasCheckpoint(out)))
            const { code, stderr } = yield* execute(second, env, "run", "--out", out)
            assert.strictEqual(code, 75)
            assert.match(stderr, /^hb-sessions-export: another run holds the lock of [^\n]+\n$/)
            child.kill("SIGKILL")
            yield* Effect.promise(() => ended)
          }
        }).pipe(Effect.provide(Simulator.layer({ sessions: 50 })), Effect.scoped),
      60_000
    )
  })
}

/**
 * The lock on what is not an ordinary directory: another user's, and a file system without locks.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync
} from "node:fs"
import { dirname, join } from "node:path"
import { bin, environment, hasProgram, run, scratch } from "./support.ts"
import { hasStrace } from "./strace.ts"

const OTHER_USER = 65_534

/** A user other than the one who runs the tests; only root can become one. */
const canBeOther = process.getuid?.() === 0 && hasProgram("setpriv", "--version")

describe("a lock that cannot be taken exclusively", () => {
  it.live.skipIf(!canBeOther)("fails with exit code 2 when another user owns the lock file", () =>
    Effect.gen(function* () {
      const env = environment(yield* Simulator)
      const root = yield* scratch
      const out = join(root, "out")
      assert.strictEqual((yield* run(env, "run", "--out", out)).code, 0)
      // The program and the directory are world-readable; the lock file stays root's.
      cpSync(dirname(bin), join(root, "dist"), { recursive: true })
      chmodSync(root, 0o755)
      for (const path of [out, join(out, "generations")]) chownSync(path, OTHER_USER, OTHER_USER)
      const args = ["--reuid", String(OTHER_USER), "--clear-groups", process.execPath, join(root, "dist", "bin.js")]
      // It fails before its first request, so that it can be waited for with the simulator standing still.
      const other = spawnSync("setpriv", [...args, "run", "--out", out], {
        env: { PATH: process.env["PATH"] ?? "", ...env },
        encoding: "utf8"
      })
      assert.strictEqual(other.status, 2, other.stderr)
      assert.match(other.stderr, /^hb-sessions-export: \S+\.lock cannot be locked: [^\n]+\n$/)
      assert.strictEqual(statSync(join(out, ".lock")).uid, 0)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )

  for (const name of ["generations", ".staging-0mwabcdef-x"]) {
    it.live.skipIf(!canBeOther)(`fails before the first request when another user owns ${name}`, () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const env = environment(simulator)
        const root = yield* scratch
        const out = join(root, "out")
        assert.strictEqual((yield* run(env, "run", "--out", out)).code, 0)
        mkdirSync(join(out, name), { recursive: true })
        const { requests } = yield* simulator.stats
        cpSync(dirname(bin), join(root, "dist"), { recursive: true })
        chmodSync(root, 0o755)
        for (const path of [".", "generations", ".lock"].filter((other) => other !== name))
          chownSync(join(out, path), OTHER_USER, OTHER_USER)
        const args = ["--reuid", String(OTHER_USER), "--clear-groups", process.execPath, join(root, "dist", "bin.js")]
        const other = spawnSync("setpriv", [...args, "run", "--out", out], {
          env: { PATH: process.env["PATH"] ?? "", ...env },
          encoding: "utf8"
        })
        assert.strictEqual(other.status, 2, other.stderr)
        assert.include(other.stderr, `${name}: this user may not write it`)
        assert.deepStrictEqual(
          readdirSync(out).filter((entry) => entry.startsWith(".staging-") && entry !== name),
          []
        )
        assert.strictEqual((yield* simulator.stats).requests, requests)
      }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
    )
  }

  for (const error of ["ENOLCK", "EAGAIN"]) {
    it.live.skipIf(!hasStrace)(
      `is told apart from one that another run holds where locking always ends in ${error}`,
      () =>
        Effect.gen(function* () {
          const out = join(yield* scratch, "out")
          const trace = join(yield* scratch, "trace")
          const env = environment({ apiKey: "key", url: "http://127.0.0.1:9" })
          const traced = (...inject: ReadonlyArray<string>) =>
            spawnSync(
              "strace",
              ["-f", "-qq", "-o", trace, "-e", "trace=fcntl", ...inject, process.execPath, bin, "run", "--out", out],
              { env: { PATH: process.env["PATH"] ?? "", ...env }, encoding: "utf8" }
            )
          traced()
          rmSync(out, { recursive: true, force: true })
          // The runtime needs the calls before and after those that lock.
          const calls = readFileSync(trace, "utf8").split("\n")
          const [thread = ""] = calls.find((call) => call.includes("F_SETLK"))?.split(" ") ?? []
          const own = calls.filter((call) => call.startsWith(`${thread} `))
          const first = own.findIndex((call) => call.includes("F_SETLK")) + 1
          const { status, stderr } = traced("-e", `inject=fcntl:error=${error}:when=${first}..${first + 1}`)
          assert.strictEqual(status, 2, stderr)
          assert.include(stderr, "cannot lock files")
          assert.deepStrictEqual(readdirSync(out), [".lock"])
        }).pipe(Effect.scoped)
    )
  }

  it.live("cannot be lost to a --take-over-after shorter than the heartbeat of a run", () =>
    Effect.gen(function* () {
      const out = join(yield* scratch, "out")
      const env = environment({ apiKey: "key", url: "http://127.0.0.1:9" })
      const { code, stderr } = yield* run(env, "run", "--out", out, "--take-over-after", "5 seconds")
      assert.strictEqual(code, 2)
      assert.include(stderr, "--take-over-after must be at least 15s")
      assert.isFalse(existsSync(out))
    }).pipe(Effect.scoped)
  )
})

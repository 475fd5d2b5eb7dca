import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
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
      assert.match(stderr, /^app: Unknown subcommand "sucseed".*did you mean succeed\? Run "app --help" for usage\.\n$/)
    })
  )

  const surroundings = [
    [
      "where",
      "mkdir gone; cd gone; rmdir ../gone",
      "the current directory does not exist any more; change to another one"
    ],
    ["open", "ulimit -n 64", "too many files are open (EMFILE); raise the limit, as with ulimit -n 1024"]
  ] as const
  for (const [command, before, line] of surroundings) {
    it.live(`${before}: what is wrong there, and no fault of the program`, () =>
      Effect.sync(() => {
        const cwd = mkdtempSync(join(tmpdir(), "hb-sessions-run-"))
        const script = `${before}; exec "$0" "$1" ${command}`
        const ended = spawnSync("sh", ["-c", script, process.execPath, app], {
          cwd,
          encoding: "utf8",
          env: Bin.nodeEnv
        })
        rmSync(cwd, { recursive: true })
        assert.deepStrictEqual([ended.status, ended.stderr], [1, `app: ${line}\n`])
      })
    )
  }

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it.live(`${signal}: finalizers run, exit code 130`, () =>
      Effect.gen(function* () {
        const started = yield* Effect.orDie(Bin.start(app, ["wait"]))
        const { code, stderr, stdout } = yield* started.stop(signal)
        assert.deepStrictEqual({ code, stdout, stderr }, { code: 130, stdout: "waiting\nreleased\n", stderr: "" })
      }).pipe(Effect.scoped)
    )
  }

  for (const [signal, expected] of [
    ["SIGINT", 130],
    ["SIGTERM", 143]
  ] as const) {
    it.live(`a second ${signal} ends at once, whatever finalizers wait for`, () =>
      Effect.gen(function* () {
        const { process: child, stop } = yield* Effect.orDie(Bin.start(app, ["hang"]))
        const releasing = once(child.stdout!, "data")
        child.kill(signal)
        yield* Effect.promise(() => releasing)
        // The same signal twice within a moment is meant once.
        child.kill(signal)
        yield* Effect.sleep("200 millis")
        assert.isNull(child.exitCode)
        const { code, stdout } = yield* stop(signal)
        assert.deepStrictEqual({ code, stdout }, { code: expected, stdout: "waiting\nreleasing\n" })
      }).pipe(Effect.scoped)
    )
  }

  const folder = mkdtempSync(join(tmpdir(), "hb-sessions-run-"))
  afterAll(() => rmSync(folder, { recursive: true }))
  const full = join(folder, "full")
  // Only root may make devices.
  const hasFull = spawnSync("mknod", ["-m", "666", full, "c", "1", "7"]).status === 0
  if (!hasFull) console.warn("skipped: stderr on a full device, because none can be made")

  for (const [name, redirection, isSkipped] of [
    ["is a pipe without a reader", "2> >(exec 0<&-)", false],
    ["is a device that is full", `2>${full}`, !hasFull],
    ["is closed", "2>&-", false]
  ] as const) {
    it.live.skipIf(isSkipped)(`goes on when stderr ${name}`, () =>
      Effect.gen(function* () {
        const shell = spawn("bash", ["-c", `exec "$0" "$1" complain ${redirection}`, process.execPath, app], {
          env: Bin.nodeEnv
        })
        let text = ""
        shell.stdout.setEncoding("utf8").on("data", (data: string) => (text += data))
        const [code] = yield* Effect.promise(() => once(shell, "close"))
        assert.deepStrictEqual([code, text], [0, "started\ndone\n"])
      })
    )
  }
})

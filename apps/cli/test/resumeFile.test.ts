/**
 * `--resume-file`: an interrupted list resumes near where it stopped.
 */
import { assert, layer } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { type ChildProcess, spawnSync } from "node:child_process"
import { chmodSync, existsSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { KEY, runAt, runInstalledAt, scratch } from "./Cli.ts"

const SESSIONS = 1500
const PAGE = 10
const interruptions: ReadonlyArray<readonly [NodeJS.Signals, number]> = [
  ["SIGINT", 130],
  ["SIGKILL", -1]
]

const idsOf = (text: string): ReadonlyArray<string> =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => line.split(",")[0] ?? "")
    .filter((id) => id !== "id")

layer(Simulator.layer({ sessions: SESSIONS, apiKey: KEY, latency: "5 millis" }), { excludeTestServices: true })(
  "--resume-file",
  (it) => {
    const kill = (signal: NodeJS.Signals) => (child: ChildProcess) => void child.kill(signal)

    for (const [signal, code] of interruptions) {
      it.effect(`resumes after ${signal}, on a list of which 1 % changes, with at most a page twice`, () =>
        Effect.gen(function* () {
          const simulator = yield* Simulator
          const before = simulator.world.ids()
          const file = join(scratch(), "list.state")
          const args = ["list", "--all", "--format", "csv", "--columns", "id,status", "--resume-file", file]
          const changes = SESSIONS * 0.01
          yield* simulator.setChurn({ start: changes / (SESSIONS / PAGE), end: changes / (SESSIONS / PAGE) })
          let text = ""
          let requests = 0
          const parts = [200, 300, 400]
          for (const lines of parts) {
            const { requests: asked } = yield* simulator.stats
            const part = yield* runInstalledAt(args, { afterLines: [lines, kill(signal)] })
            requests += (yield* simulator.stats).requests - asked
            assert.strictEqual(part.code ?? -1, code)
            if (signal === "SIGINT") {
              assert.match(part.stderr, /^stopped after \d+ sessions; resume with the same flags and --resume-file /)
              assert.include(part.stderr, file)
              assert.strictEqual(text === "", part.stdout.startsWith("id,status"))
            }
            assert.strictEqual(statSync(file).mode & 0o777, 0o600)
            text += part.stdout
          }
          const { requests: asked } = yield* simulator.stats
          const last = yield* runAt([...args, "--strict"])
          requests += (yield* simulator.stats).requests - asked
          yield* simulator.setChurn({})
          assert.strictEqual(last.code, 0, last.stderr)
          assert.include(last.stderr, "complete (proven)")
          text += last.stdout
          assert.isFalse(existsSync(file))
          assert.strictEqual(text.split("id,status").length, 2)
          const ids = idsOf(text)
          const twice = ids.length - new Set(ids).size
          assert.isAtMost(twice, signal === "SIGKILL" ? parts.length * PAGE : 0)
          const found = new Set(ids)
          assert.deepStrictEqual(
            before.filter((id) => !found.has(id)),
            []
          )
          // Pages in flight at an interruption are asked for again, and some that the list has moved over.
          assert.isAtMost(requests, (SESSIONS / PAGE) * 1.5)
        })
      )
    }

    const begun = Effect.fnUntraced(function* (...flags: ReadonlyArray<string>) {
      const file = join(scratch(), "list.state")
      yield* runInstalledAt(["list", "--all", "--resume-file", file, ...flags], { afterLines: [200, kill("SIGINT")] })
      assert.isTrue(existsSync(file))
      return file
    })

    it.effect("keeps what a relative time meant, and takes a torn end", () =>
      Effect.gen(function* () {
        const file = yield* begun("--since", "3650d")
        truncateSync(file, statSync(file).size - 5)
        const args = ["list", "--all", "--since", "3650d", "--resume-file", file]
        const { code, stdout } = yield* runAt(args)
        assert.strictEqual(code, 0)
        assert.isBelow(stdout.split("\n").length, SESSIONS)
      })
    )

    it.effect("of another list is rejected in one line and left as it was", () =>
      Effect.gen(function* () {
        const file = yield* begun()
        const bytes = readFileSync(file)
        const list = ["list", "--all", "--resume-file", file]
        for (const [args, env, why] of [
          [["--status", "active"], {}, "of a list without --status"],
          [["--format", "csv"], {}, "of a list with --format ndjson"],
          [["--page-size", "20"], {}, "without --page-size"],
          [[], { HYPERBROWSER_API_KEY: "another" }, "with another API key"],
          [[], { HYPERBROWSER_BASE_URL: "http://user:secret@127.0.0.1:9/x" }, "not of http://127.0.0.1:9/x"]
        ] as const) {
          const { code, stderr, stdout } = yield* runAt([...list, ...args], { env })
          assert.deepStrictEqual({ code, stdout }, { code: 2, stdout: "" })
          assert.match(stderr, /^hb-sessions: [^\n]+\n$/)
          assert.include(stderr, why)
          assert.isTrue(readFileSync(file).equals(bytes))
        }
        assert.notInclude(bytes.toString("latin1"), KEY)
      })
    )

    it.effect("that is none is rejected and left as it was", () =>
      Effect.gen(function* () {
        const directory = scratch()
        const other = join(directory, "notes.txt")
        writeFileSync(other, "my notes\nand more")
        const fifo = join(directory, "fifo")
        spawnSync("mkfifo", [fifo])
        const dangling = join(directory, "link")
        symlinkSync(join(directory, "none", "x"), dangling)
        for (const file of [other, fifo, directory, dangling, join(directory, "none", "x"), ""]) {
          const { code, stderr, stdout } = yield* runAt(["list", "--all", "--resume-file", file])
          assert.deepStrictEqual({ code, stdout }, { code: 2, stdout: "" }, file)
          assert.match(stderr, /^hb-sessions: [^\n]+\n$/)
        }
        assert.strictEqual(readFileSync(other, "utf8"), "my notes\nand more")
      })
    )

    it.effect(
      "that is empty is begun, made private and removed; nothing is left of a failure before the first page",
      () =>
        Effect.gen(function* () {
          const file = join(scratch(), "list.state")
          writeFileSync(file, "")
          chmodSync(file, 0o644)
          const failed = yield* runAt(["list", "--all", "--resume-file", file], {
            env: { HYPERBROWSER_API_KEY: "wrong" }
          })
          assert.strictEqual(failed.code, 3)
          assert.isFalse(existsSync(file))
          const { code } = yield* runAt(["list", "--all", "--resume-file", file])
          assert.strictEqual(code, 0)
          assert.isFalse(existsSync(file))
        })
    )

    it.effect("damaged in its state is rejected", () =>
      Effect.gen(function* () {
        const file = yield* begun()
        const [head = ""] = readFileSync(file, "latin1").split("\n")
        writeFileSync(file, `${head}\nsomething else`)
        const { code, stderr } = yield* runAt(["list", "--all", "--resume-file", file])
        assert.strictEqual(code, 2)
        assert.include(stderr, "is damaged; remove it")
      })
    )
  }
)

/**
 * The commands beside `list`, against the simulator.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { inject } from "vitest"
import type { RequestListener } from "node:http"
import {
  inBackground,
  KEY,
  lines,
  rows,
  run,
  runAt,
  runInstalled,
  runInstalledAt,
  scratch,
  servesPage,
  spawned,
  withServer
} from "./Cli.ts"

layer(Simulator.layer({ sessions: 57, apiKey: KEY, seed: "cli", extraFields: true }), { excludeTestServices: true })(
  "with 57 sessions",
  (it) => {
    const okOf =
      (runAny: typeof runAt) =>
      (...args: ReadonlyArray<string>) =>
        Effect.map(runAny(args), ({ code, stderr, stdout }) => {
          assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
          return stdout
        })
    const ok = okOf(runAt)
    const okInstalled = okOf(runInstalledAt)
    const all = Effect.map(ok("list", "--all", "--quiet"), rows)

    it.effect("get: prints sessions in the order of their ids, and exits with 6 without one of them", () =>
      Effect.gen(function* () {
        const [first, second] = (yield* all).slice(40)
        assert.deepStrictEqual(rows(yield* ok("get", second.id, first.id)), [second, first])
        const missing = yield* runAt(["get", first.id, "nope"])
        assert.strictEqual(missing.code, 6)
        assert.deepStrictEqual(rows(missing.stdout), [first])
        assert.match(
          missing.stderr,
          /^hb-sessions: there is no session "nope": 57 sessions read \(proven complete\)[^\n]*\n$/
        )
      })
    )

    it.effect("get: takes the beginning of an id that no other begins with, and says when several do", () =>
      Effect.gen(function* () {
        const [session] = (yield* all).slice(30)
        for (const begun of [session.id.slice(0, 8), `${session.id.slice(0, 8)}…`]) {
          assert.deepStrictEqual(rows(yield* ok("get", begun)), [session])
        }
        const short = yield* runAt(["get", session.id.slice(0, 3)])
        assert.strictEqual(short.code, 6)
        assert.include(short.stderr, "at least 4 characters")
      })
    )

    it.effect("open: starts the browser with the URL, --print prints it, and 6 without the session", () =>
      Effect.gen(function* () {
        const [session] = (yield* all).slice(50)
        assert.strictEqual(yield* ok("open", session.id, "--print"), `${session.sessionUrl}\n`)
        assert.strictEqual((yield* runAt(["open", "nope"])).code, 6)
        const directory = scratch()
        const [browser, opened] = [join(directory, "browser"), join(directory, "opened")]
        writeFileSync(browser, `#!/bin/sh\nprintf %s "$1" > ${opened}\n`, { mode: 0o755 })
        const { code, stderr } = yield* runAt(["open", session.id], { env: { BROWSER: browser } })
        assert.deepStrictEqual([code, stderr], [0, `opening ${session.sessionUrl}\n`])
        assert.strictEqual(readFileSync(opened, "utf8"), session.sessionUrl)
        const none = yield* runAt(["open", session.id, "-q"], { env: { BROWSER: "/no/such/browser" } })
        assert.deepStrictEqual([none.code, none.stderr.includes("use --print")], [1, true])
      })
    )

    it.effect("help: is --help of a command, and a usage error of one that does not exist", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* okInstalled("help"), yield* okInstalled("--help"))
        assert.strictEqual(yield* okInstalled("help", "list"), yield* okInstalled("list", "--help"))
        assert.strictEqual(yield* okInstalled("help", "config", "set"), yield* okInstalled("config", "set", "--help"))
        for (const args of [
          ["help", "lst"],
          ["lst", "--help"]
        ]) {
          const { code, stderr, stdout } = yield* runInstalledAt(args)
          assert.deepStrictEqual([code, stdout], [2, ""])
          assert.match(stderr, /did you mean .*\blist\b/)
        }
      })
    )

    it.effect("--jq: prints what an expression makes of each record", () =>
      Effect.gen(function* () {
        const sessions = yield* all
        assert.deepStrictEqual(
          lines(yield* ok("list", "--all", "-q", "--jq", 'select(.status == "closed") | .id')),
          sessions.filter(({ status }) => status === "closed").map(({ id }) => id)
        )
        const [{ createdAt, id }] = sessions
        assert.strictEqual(yield* ok("get", id, "--jq", "[.id, .createdAt]"), `${JSON.stringify([id, createdAt])}\n`)
        for (const [expression, code] of [
          [".id | .[", 2],
          [".id + 1", 1]
        ] as const) {
          const failed = yield* runAt(["list", "--jq", expression])
          assert.deepStrictEqual([failed.code, failed.stdout], [code, ""])
          assert.match(failed.stderr, /^hb-sessions: --jq: [^\n]+\n$/)
        }
      })
    )

    it.effect("count: by status with one request each, and by a read where the server sends no totals", () =>
      Effect.gen(function* () {
        const { stats } = yield* Simulator
        const sessions = yield* all
        const of = (status: string) => sessions.filter((session) => session.status === status).length
        const before = (yield* stats).requests
        const byStatus = { active: of("active"), closed: of("closed"), error: of("error") }
        assert.deepStrictEqual(JSON.parse(yield* ok("count")), { sessions: 57, byStatus })
        assert.strictEqual((yield* stats).requests - before, 4)
        assert.strictEqual(yield* ok("count", "--status", "active", "--format", "number"), `${of("active")}\n`)
        assert.strictEqual((yield* stats).requests - before, 5)
        const expensive = sessions.filter(({ creditsUsed }) => creditsUsed >= 1).length
        assert.strictEqual(JSON.parse(yield* ok("count", "--min-credits", "1")).sessions, expensive)
      })
    )

    it.effect("stats: sums up, in JSON, as a chart and as a picture", () =>
      Effect.gen(function* () {
        const file = join(scratch(), "stats.svg")
        const summary = JSON.parse(yield* ok("stats", "--by", "week", "--svg", file))
        const sessions = yield* all
        const credits = sessions.reduce((sum, { creditsUsed }) => sum + (creditsUsed ?? 0), 0)
        assert.strictEqual(summary.sessions, 57)
        assert.closeTo(summary.credits, credits, 1e-6)
        assert.containsAllKeys(summary.durations, ["p50", "p90", "p99"])
        const sum = summary.groups.reduce((total: number, group: any) => total + group.sessions, 0)
        assert.strictEqual(sum, 57)
        const svg = readFileSync(file, "utf8")
        assert.match(svg, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
        assert.strictEqual(svg.match(/<rect x=/g)?.length, summary.groups.length)
        assert.notMatch(svg, /href|script|@import/)
        for (const by of ["day", "week", "status", "team"]) {
          const chart = yield* ok("stats", "--by", by, "--format", "chart")
          assert.include(chart, "57 sessions, ")
          assert.include(chart, "█")
        }
      })
    )

    it.effect("doctor: says where settings come from, checks the API and reports drift; 3 and 4 where it fails", () =>
      Effect.gen(function* () {
        const { code, stdout } = yield* runAt(["doctor"], { env: { HB_SESSIONS_CONCURRENCY: "3" } })
        assert.strictEqual(code, 0)
        assert.match(stdout, /^ok {4}concurrency +3 \(environment HB_SESSIONS_CONCURRENCY\)$/m)
        assert.match(stdout, /^ok {4}key +accepted$/m)
        assert.match(stdout, /^warn {2}contract +unknown key sessions\[\]\.notInAnySdk$/m)
        assert.strictEqual((yield* runAt(["doctor"], { env: { HYPERBROWSER_API_KEY: "wrong" } })).code, 3)
        assert.strictEqual((yield* runAt(["doctor", "--base-url", "http://127.0.0.1:1"])).code, 4)
      })
    )

    it.effect("completions: scripts that the shells accept", () =>
      Effect.gen(function* () {
        for (const shell of ["bash", "zsh", "fish", "powershell"]) {
          assert.include(yield* ok("completions", shell), "hb-sessions")
        }
        const script = yield* ok("completions", "bash")
        assert.notInclude(script, "--completions")
        const checked = yield* spawned("bash", ["-n"], { stdin: script })
        assert.deepStrictEqual([checked.code, checked.stderr], [0, ""])
      })
    )

    it.effect("completions: bash completes flags, statuses, columns, settings and profiles", () =>
      Effect.gen(function* () {
        const config = scratch()
        const env = { XDG_CONFIG_HOME: config }
        yield* runAt(["config", "set", "concurrency", "2", "--profile", "work"], { env })
        const { stdout: script } = yield* runAt(["completions", "bash"], { env })
        const completed = (...words: ReadonlyArray<string>) => {
          const typed = ["hb-sessions", ...words]
          const call = `COMP_WORDS=(${typed.join(" ")}); COMP_CWORD=${typed.length - 1}; COMP_LINE="${typed.join(" ")}"; COMP_POINT=\${#COMP_LINE}`
          const name = '$(complete -p hb-sessions | sed "s/.*-F \\([^ ]*\\).*/\\1/")'
          const stdin = `${script}\n${call}\n${name} hb-sessions "${typed.at(-1)}" "${typed.at(-2)}"\nprintf '%s\\n' "\${COMPREPLY[@]}"\n`
          return Effect.map(spawned("bash", [], { stdin }), ({ stdout }) => lines(stdout).map((line) => line.trim()))
        }
        assert.deepStrictEqual(yield* completed("list", "--status", "activ"), ["active"])
        assert.include(yield* completed("list", "--columns", "launchState.screen"), "launchState.screen.width")
        assert.include(yield* completed("list", "--columns", "credit"), "creditBreakdown.creditsUsed")
        assert.deepStrictEqual(yield* completed("list", "--profile", "w"), ["work"])
        assert.deepStrictEqual(yield* completed("config", "get", "concurr"), ["concurrency"])
        assert.deepStrictEqual(yield* completed("count", "--verb"), ["--verbose"])
      })
    )
  }
)

layer(Simulator.layer({ sessions: 40, apiKey: KEY, activeShare: 0.3 }), { excludeTestServices: true })(
  "watch",
  (it) => {
    it.effect("prints a line a change and ends with the last active session", () =>
      Effect.gen(function* () {
        const { mutate } = yield* Simulator
        const endAll = Effect.andThen(
          mutate("start", 2),
          Effect.andThen(Effect.sleep("700 millis"), mutate("end", 100))
        )
        const { code, stderr, stdout } = yield* runInstalledAt(["watch", "--interval", "200ms", "--until-idle"], {
          afterLines: [1, inBackground(endAll)]
        })
        assert.strictEqual(code, 0)
        const events = rows(stdout)
        const of = (event: string) => events.filter((change) => change.event === event).map(({ id }) => id)
        assert.sameMembers(of("ended"), [...of("active"), ...of("started")])
        assert.lengthOf(of("started"), 2)
        assert.match(stderr, /^idle: \d+ sessions ended, \d+ of them not known to have succeeded\n$/)
      })
    )

    it.effect("--exit-status: fails for every ending that is not known to be a success", () =>
      Effect.gen(function* () {
        const listOf = (status: string) => (status === "gone" ? [] : [{ id: "a", status }])
        const watch = (last: string) => {
          let looks = 0
          const answer: RequestListener = (request, response) => {
            const isActive = (request.url ?? "").includes("status=active")
            if (isActive) looks++
            const sessions = looks <= 1 ? listOf("active") : isActive ? [] : listOf(last)
            servesPage(sessions)(request, response)
          }
          return withServer(answer, (env) =>
            run(["watch", "--interval", "100ms", "--until-idle", "--exit-status"], { env })
          )
        }
        for (const last of ["error", "close-error", "crashed", "gone"]) {
          const { code, stderr } = yield* watch(last)
          assert.strictEqual(code, 1, last)
          assert.include(stderr, `a (${last === "gone" ? "unknown" : last})`)
        }
        assert.strictEqual((yield* watch("closed")).code, 0)
      })
    )

    it.effect("exits with 0 at once when nothing is active, and with 130 when it is interrupted", () =>
      Effect.gen(function* () {
        const { mutate } = yield* Simulator
        const idle = yield* runAt(["watch", "--until-idle", "--exit-status"])
        assert.deepStrictEqual([idle.code, idle.stdout], [0, ""])
        yield* mutate("start")
        const stopped = yield* runInstalledAt(["watch"], { afterLines: [1, (child) => child.kill("SIGINT")] })
        assert.deepStrictEqual([stopped.code, stopped.stderr], [130, ""])
      })
    )
  }
)

layer(Simulator.layer({ sessions: 0, apiKey: KEY, errorShare: 1 }), { excludeTestServices: true })(
  "watch --exit-status",
  (it) => {
    it.effect("exits with 1 and names the sessions that ended in error", () =>
      Effect.gen(function* () {
        const { mutate } = yield* Simulator
        const [id = ""] = yield* mutate("start")
        const args = ["watch", "--interval", "200ms", "--until-idle", "--exit-status"]
        const { code, stderr } = yield* runInstalledAt(args, {
          afterLines: [1, inBackground(mutate("end"))]
        })
        assert.strictEqual(code, 1)
        assert.include(stderr, `1 session not known to have succeeded: ${id} (error)`)
      })
    )
  }
)

layer(Simulator.layer({ sessions: 1, apiKey: KEY }), { excludeTestServices: true })("the package", (it) => {
  it.effect("is small and needs no other", () =>
    Effect.sync(() => {
      assert.isBelow(inject("installed").packedBytes, 400_000)
      const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
      assert.notProperty(manifest, "dependencies")
      assert.notProperty(manifest, "peerDependencies")
    })
  )

  it.effect("prints its version and its help, with every command", () =>
    Effect.gen(function* () {
      for (const flag of ["--version", "-v"])
        assert.match((yield* runInstalled([flag])).stdout, /^hb-sessions v\d+\.\d+\.\d+\n$/)
      const { code, stderr, stdout } = yield* runInstalled(["--help"])
      assert.deepStrictEqual([code, stderr], [0, ""])
      const names = ["list, ls", "get", "count", "stats", "watch", "open", "config", "auth", "doctor", "completions"]
      for (const name of names) assert.isTrue(lines(stdout).some((line) => line.startsWith(`  ${name} `)))
    })
  )
})

layer(Simulator.layer({ sessions: 3000, apiKey: KEY }), { excludeTestServices: true })("a long list", (it) => {
  it.effect("get: finds a session at either end with few requests", () =>
    Effect.gen(function* () {
      const { stats } = yield* Simulator
      const ids = lines((yield* runAt(["list", "--all", "-q", "--jq", ".id"])).stdout)
      for (const id of [ids[2], ids[80], ids.at(-80), ids.at(-1)]) {
        const before = (yield* stats).requests
        assert.strictEqual((yield* runAt(["get", id ?? "", "--jq", ".id"])).stdout, `${id}\n`)
        assert.isAtMost((yield* stats).requests - before, 40)
      }
    })
  )
})

layer(Simulator.layer({ sessions: 300, apiKey: KEY, closeErrorShare: 0.2, churn: { start: 3, end: 3, purge: 1 } }), {
  excludeTestServices: true
})("a list that changes with every request", (it) => {
  it.effect("count: adds up", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 5; round++) {
        const { stdout } = yield* runAt(["count"])
        const { byStatus, sessions } = JSON.parse(stdout)
        const parts: ReadonlyArray<number> = Object.values(byStatus)
        assert.strictEqual(
          parts.reduce((sum, part) => sum + part, 0),
          sessions
        )
      }
    })
  )
})

/**
 * What people see: the program in a pseudo-terminal, made by `script`.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { CliOutput } from "effect/cli"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { bin, inBackground, KEY, lines, type RunOptions, scratch, servesPage, spawned, withServer } from "./Cli.ts"

const ESC = "\u001B"

/** Runs a shell command line in a terminal of that size; `$0` is the program. */
const inTerminal = (command: string, options: RunOptions & { readonly columns?: number } = {}) =>
  spawned(
    "script",
    ["-qefc", `stty cols ${options.columns ?? 100} rows 20; ${command.replaceAll("$0", bin)}`, "/dev/null"],
    {
      ...options,
      env: { TERM: "xterm-256color", SHELL: "/bin/sh", PAGER: "cat", ...options.env }
    }
  )

const inTerminalAt = (command: string, options: Parameters<typeof inTerminal>[1] = {}) =>
  Effect.flatMap(Simulator, ({ apiKey, url }) =>
    inTerminal(command, {
      ...options,
      env: { HYPERBROWSER_API_KEY: apiKey, HYPERBROWSER_BASE_URL: url, ...options.env }
    })
  )

const withoutColour = (text: string) => text.replaceAll(new RegExp(`${ESC}\\[[\\d;]*m`, "g"), "")

layer(Simulator.layer({ sessions: 57, apiKey: KEY, seed: "cli" }), { excludeTestServices: true })(
  "a terminal",
  (it) => {
    it.effect("gets a table with colours that is as wide as it", () =>
      Effect.gen(function* () {
        const { code, stdout } = yield* inTerminalAt("$0 list")
        assert.strictEqual(code, 0)
        assert.include(stdout, `${ESC}[1mID`)
        assert.include(stdout, `${ESC}[32mactive`)
        const shown = lines(withoutColour(stdout)).map((line) => line.trimEnd())
        assert.match(shown[0] ?? "", /^ID +STATUS +CREATED \(UTC\) +LASTED +CREDITS$/)
        assert.lengthOf(shown, 22)
        assert.strictEqual(shown[21], "The first 20 sessions; --limit or --all for more.")
      })
    )

    it.effect("gets no line that is wider than it", () =>
      Effect.gen(function* () {
        for (const columns of [20, 40, 60, 80]) {
          const { stdout } = yield* inTerminalAt("$0 list -q", { columns })
          for (const line of lines(withoutColour(stdout))) assert.isAtMost(line.trimEnd().length, columns)
          const narrower = yield* inTerminalAt("$0 list -q", { columns, env: { COLUMNS: "33" } })
          for (const line of lines(withoutColour(narrower.stdout))) assert.isAtMost(line.trimEnd().length, 33)
        }
      })
    )

    it.effect("gets no colour with NO_COLOR or TERM=dumb; a pipe gets some with FORCE_COLOR", () =>
      Effect.gen(function* () {
        assert.notInclude((yield* inTerminalAt("$0 list", { env: { NO_COLOR: "1" } })).stdout, ESC)
        assert.notInclude((yield* inTerminalAt("$0 list", { env: { TERM: "dumb" } })).stdout, ESC)
        assert.notInclude((yield* inTerminalAt("$0 list", { env: { FORCE_COLOR: "0" } })).stdout, `${ESC}[`)
        assert.notInclude((yield* inTerminalAt("$0 --help", { env: { FORCE_COLOR: "0" } })).stdout, `${ESC}[`)
        const forced = yield* inTerminalAt("$0 list -q --format table | cat", { env: { FORCE_COLOR: "1" } })
        assert.include(forced.stdout, `${ESC}[1mID`)
      })
    )

    it.effect("gets a pager where the table is longer than the screen, and only there", () =>
      Effect.gen(function* () {
        const paged = (command: string, env = {}) =>
          Effect.map(inTerminalAt(command, { env: { PAGER: "sed 's/^/> /'", NO_COLOR: "1", ...env } }), ({ stdout }) =>
            lines(stdout).filter((line) => line.startsWith("> "))
          )
        assert.lengthOf(yield* paged("$0 list --all"), 58)
        assert.lengthOf(yield* paged("$0 list -n 10"), 0)
        assert.lengthOf(yield* paged("$0 list --all", { HB_SESSIONS_PAGER: "cat" }), 0)
        assert.lengthOf(yield* paged("$0 list --all", { TERM: "dumb" }), 0)
        assert.lengthOf(yield* paged("$0 list --all --format ndjson"), 0)
        const left = yield* inTerminalAt("$0 list --all; echo exit code $?", { env: { PAGER: "head -n 1" } })
        assert.match(left.stdout, /exit code 0\r?\n$/)
        const none = yield* inTerminalAt("$0 list --all", { env: { PAGER: "/no/such/pager" } })
        assert.deepStrictEqual([none.code, none.stdout.includes("set PAGER")], [1, true])
      })
    )

    it.effect("gets a chart from stats and words from config list", () =>
      Effect.gen(function* () {
        const { stdout } = yield* inTerminalAt("$0 stats --by status", { columns: 60 })
        assert.include(stdout, "█")
        for (const line of lines(withoutColour(stdout))) assert.isAtMost(CliOutput.displayWidth(line.trimEnd()), 60)
        assert.include((yield* inTerminalAt("$0 config list")).stdout, "profile default (default)")
      })
    )

    it.effect("asks for the key without showing it", () =>
      Effect.gen(function* () {
        const config = scratch()
        const { code, stdout } = yield* inTerminalAt("$0 auth login", {
          env: { XDG_CONFIG_HOME: config, HYPERBROWSER_API_KEY: "" },
          answers: [["not shown", (child) => child.stdin?.write(`${KEY}\r`)]]
        })
        assert.strictEqual(code, 0, stdout)
        assert.notInclude(stdout, KEY)
        assert.include(readFileSync(join(config, "hb-sessions", "credentials.toml"), "utf8"), KEY)
      })
    )
  }
)

layer(Simulator.layer({ sessions: 300, apiKey: KEY, latency: "60 millis" }), { excludeTestServices: true })(
  "a long read",
  (it) => {
    it.effect("shows its progress on stderr, and takes it away", () =>
      Effect.gen(function* () {
        const file = join(scratch(), "out")
        const { code, stdout } = yield* inTerminalAt(`$0 list --all --concurrency 1 > ${file}`)
        assert.strictEqual(code, 0)
        const transient = stdout.split(`\r${ESC}[K`)
        assert.isTrue(
          transient.some((line) => /^\d+ of 300 rows · \d+ pages · [\d,]+ rows\/s · [\d.]+ m?s left$/.test(line))
        )
        assert.match(transient.at(-1) ?? "", /^300 sessions, complete \(proven\), [^\n]*\n$/)
        assert.lengthOf(lines(readFileSync(file, "utf8")), 300)
      })
    )

    it.effect("shows no progress with --quiet or TERM=dumb, or when stderr is not a terminal", () =>
      Effect.gen(function* () {
        const args = "list --all --concurrency 2 > /dev/null"
        assert.strictEqual((yield* inTerminalAt(`$0 ${args} --quiet`)).stdout, "")
        assert.notInclude((yield* inTerminalAt(`$0 ${args}`, { env: { TERM: "dumb" } })).stdout, ESC)
        assert.notInclude((yield* inTerminalAt("$0 list --all --concurrency 2 -q | cat > /dev/null")).stdout, ESC)
        assert.notInclude((yield* inTerminalAt("$0 list --all --concurrency 2 | cat > /dev/null")).stdout, ESC)
        assert.notInclude((yield* inTerminalAt(`$0 ${args} 2> >(cat)`, { env: { SHELL: "/bin/bash" } })).stdout, ESC)
      })
    )
  }
)

layer(Simulator.layer({ sessions: 40, apiKey: KEY, activeShare: 0.3 }), { excludeTestServices: true })(
  "watch",
  (it) => {
    it.effect("draws over itself on the alternate screen, marks changes, and leaves the screen as it was", () =>
      Effect.gen(function* () {
        const { mutate } = yield* Simulator
        const { code, stdout } = yield* inTerminalAt("$0 watch --interval 200ms", {
          answers: [
            ["0 ended", inBackground(mutate("end"))],
            ["1 ended", (child) => child.stdin?.write("\u0003")]
          ]
        })
        assert.strictEqual(code, 130)
        assert.isTrue(stdout.startsWith(`${ESC}[?1049h${ESC}[?25l`))
        assert.include(stdout, `${ESC}[?25h${ESC}[?1049l`)
        const marked = stdout.split(`- ${ESC}[7m`)[1] ?? ""
        assert.match(marked, /^[0-9a-f-]{36} /)
        // The screen is cleared once; later pictures are drawn over the first.
        assert.lengthOf(stdout.split(`${ESC}[2J`), 2)
        for (const picture of stdout.split(`${ESC}[H`).slice(1)) assert.isAtMost(picture.split("\n").length, 20)
      })
    )

    it.effect.each(["QUIT", "HUP"])("leaves the screen while it is stopped, and when SIG%s ends it", (signal) =>
      Effect.gen(function* () {
        const [enter, leave] = [`${ESC}[?1049h`, `${ESC}[?1049l`]
        const stopped = "until grep -q ') T' /proc/$!/stat; do sleep 0.05; done; echo stopped"
        const ended = "while grep -q ') [^Z]' /proc/$!/stat; do sleep 0.05; done 2>/dev/null; echo ended"
        const { stdout } = yield* inTerminalAt(
          `set -m; $0 watch --interval 1h & read _; kill -TSTP $!; ${stopped}; kill -CONT $!; read _; kill -${signal} $!; ${ended}`,
          {
            answers: [
              ["0 ended", (child) => child.stdin?.write("\r")],
              [`stopped\r\n${enter}`, (child) => child.stdin?.write("\r")]
            ]
          }
        )
        const [before = "", after = "", rest = ""] = stdout.split(/stopped\r\n|ended\r\n/)
        for (const part of [before, after]) {
          assert.isAbove(part.indexOf("0 ended"), part.indexOf(enter), stdout)
          assert.isAbove(part.lastIndexOf(leave), part.indexOf("0 ended"), stdout)
        }
        assert.notInclude(rest, enter)
      })
    )

    it.effect("prints lines where the cursor cannot be moved", () =>
      Effect.gen(function* () {
        const { stdout } = yield* inTerminalAt("$0 watch --interval 200ms", {
          env: { TERM: "dumb" },
          answers: [["active", (child) => child.stdin?.write("\u0003")]]
        })
        assert.notInclude(stdout, ESC)
        assert.match(stdout, /Z active {3}[0-9a-f-]{36} active/)
      })
    )
  }
)

describe("text from the API", () => {
  const hostile = { id: "a\u001B[31mred", status: "x\r\ny\u202Ez" }

  it.live("cannot move the cursor, colour the terminal or turn the writing", () =>
    withServer(servesPage([hostile]), (env) =>
      Effect.gen(function* () {
        const columns = "id,status"
        for (const command of [`$0 list --columns ${columns} -f table | cat`, "$0 stats --by status -f chart | cat"]) {
          const { stdout } = yield* inTerminal(command, { env })
          for (const character of [ESC, "\u202E"]) assert.notInclude(stdout, character)
        }
        const { stdout } = yield* inTerminal("$0 list -q -f table | cat", { env })
        assert.lengthOf(lines(stdout), 2)
        const live = yield* inTerminal("$0 list -q", { env })
        assert.notInclude(live.stdout, `${ESC}[31mred`)
      })
    )
  )

  it.live("that is wide takes two columns", () =>
    withServer(
      servesPage([
        { id: "会议会议会议会议会议会议会议会议会议会议", status: "👩‍👩‍👧" },
        { id: "plain", status: "closed" }
      ]),
      (env) =>
        Effect.gen(function* () {
          const { stdout } = yield* inTerminal("$0 list -q", { env, columns: 60 })
          const shown = lines(withoutColour(stdout)).map((line) => line.trimEnd())
          for (const line of shown) assert.isAtMost(CliOutput.displayWidth(line), 60)
          const column = (line = "", text: string) => CliOutput.displayWidth(line.slice(0, line.indexOf(text)))
          assert.strictEqual(column(shown[1], "👩"), column(shown[0], "STATUS"))
          assert.strictEqual(column(shown[2], "closed"), column(shown[0], "STATUS"))
        })
    )
  )
})

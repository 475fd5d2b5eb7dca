/**
 * The demo as the README tells a newcomer to run it, but for the package manager.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { assert, it } from "@effect/vitest"
import { parse } from "csv-parse/sync"
import { Effect } from "effect"
import { readFileSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"

const demo = fileURLToPath(new URL("../src/demo.ts", import.meta.url))

it.live(
  "lists, exports and proxies 2,000 sessions, and says so in its last line",
  () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Bin.run(demo, [])
      assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
      const file = /\ndemo ok: 2000 sessions exported to (.+)\n$/.exec(stdout)?.[1] ?? ""
      const rows: ReadonlyArray<Record<string, string>> = parse(readFileSync(file), { columns: true })
      assert.lengthOf(rows, 2000)
      assert.strictEqual(new Set(rows.map((row) => row["id"])).size, 2000)
      assert.match(stdout, /\nID +STATUS +CREATED/)
      assert.match(stdout, /\nhbs_[0-9a-f]{16}…\n/)
      assert.include(stdout, "page 2 holds 10 of 2000 sessions")
      assert.match(stdout, /\nThe proxy's page was at http:\/\/127\.0\.0\.1:\d+\/dashboard; with --serve it stays/)
      rmSync(dirname(file), { recursive: true })
    }),
  60_000
)

it.live(
  "keeps the page up with --serve until it is interrupted, and leaves no process behind",
  () =>
    Effect.gen(function* () {
      const { process: child, stop } = yield* Bin.start(demo, ["--serve"])
      let text = ""
      child.stdout?.on("data", (piece: string) => (text += piece))
      const ready = /\nOpen (\S+) and paste this token, which ends in an hour:\n(hbs_\S+)\nCtrl-C ends the demo\.\n/
      while (!ready.test(text)) {
        assert.isNull(child.exitCode, text)
        yield* Effect.sleep("50 millis")
      }
      const [, page = "", token = ""] = ready.exec(text) ?? []
      const answer = yield* Effect.promise(() => fetch(page).then((response) => response.text()))
      assert.include(answer, "<title>Sessions</title>")
      const stats = new URL("/v1/stats", page)
      const { status } = yield* Effect.promise(() => fetch(stats, { headers: { "x-api-key": token } }))
      assert.strictEqual(status, 200)
      assert.strictEqual((yield* stop("SIGINT")).code, 130)
      const gone = yield* Effect.promise(() =>
        fetch(page).then(
          () => "answers",
          () => "gone"
        )
      )
      assert.strictEqual(gone, "gone")
      const file = /\ndemo ok: \d+ sessions exported to (.+)\n/.exec(text)?.[1] ?? ""
      rmSync(dirname(file), { recursive: true })
    }).pipe(Effect.scoped),
  60_000
)

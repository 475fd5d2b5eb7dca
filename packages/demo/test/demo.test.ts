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
      rmSync(dirname(file), { recursive: true })
    }),
  60_000
)

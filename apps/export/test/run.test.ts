/**
 * The built `hb-sessions-export run` as a process: what it publishes, and what it leaves alone when it fails.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, describe, it } from "@effect/vitest"
import { parse } from "csv-parse/sync"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { bin, environment, hasCheckpoint, scratch, visible } from "./support.ts"

describe("a run that succeeds", () => {
  it.live("publishes a header and one row per session, as another parser reads them", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const out = join(yield* scratch, "new", "exports")
      const { code, stderr, stdout } = yield* Bin.run(bin, ["run", "--out", out], environment(simulator))
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.deepStrictEqual(visible(out), ["generations", "manifest.json", "sessions.csv"])
      const bytes = readFileSync(join(out, "sessions.csv"))
      const rows: ReadonlyArray<Record<string, string>> = parse(bytes, { columns: true })
      assert.lengthOf(rows, 2000)
      assert.strictEqual(new Set(rows.map((row) => row["id"])).size, 2000)
      const digest = createHash("sha256")
        .update(readFileSync(join(out, "manifest.json")))
        .digest("hex")
      assert.strictEqual(
        stdout,
        `exported 2000 sessions to ${join(out, "sessions.csv")} (${bytes.length} bytes); generation 1, digest ${digest}\n`
      )
    }).pipe(Effect.provide(Simulator.layer({ sessions: 2000, seed: "export" })), Effect.scoped)
  )

  it.live("publishes only a header when there are no sessions", () =>
    Effect.gen(function* () {
      const out = yield* scratch
      const { code } = yield* Bin.run(bin, ["run", "--out", out], environment(yield* Simulator))
      assert.strictEqual(code, 0)
      const rows: ReadonlyArray<ReadonlyArray<string>> = parse(readFileSync(join(out, "sessions.csv")))
      assert.lengthOf(rows, 1)
      assert.strictEqual(rows[0]?.[0], "id")
    }).pipe(Effect.provide(Simulator.layer({ sessions: 0 })), Effect.scoped)
  )
})

/** A server whose third page is the trouble that a test makes. */
const brokenOnPage3 = (trouble: "fail" | "hang") =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      let asked = () => {}
      const hanging = new Promise<void>((resolve) => (asked = resolve))
      const server = createServer((request, response) => {
        const page = Number(new URL(request.url ?? "", "http://localhost").searchParams.get("page"))
        if (page < 3) {
          const sessions = Array.from({ length: 10 }, (_, i) => ({ id: `p${page}-${i}` }))
          response.end(JSON.stringify({ sessions, totalCount: 50, page, pageSize: 10 }))
        } else if (trouble === "fail") {
          response.writeHead(500).end()
        } else {
          asked()
        }
      }).listen(0, "127.0.0.1")
      await once(server, "listening")
      return { server, hanging, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
    }),
    ({ server }) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )

describe("a run that fails", () => {
  it.live("leaves the previous file unchanged", () =>
    Effect.gen(function* () {
      const { url } = yield* brokenOnPage3("fail")
      const out = yield* scratch
      writeFileSync(join(out, "sessions.csv"), "the earlier file")
      const env = { HYPERBROWSER_API_KEY: "key", HYPERBROWSER_BASE_URL: url, HB_SESSIONS_RETRIES: "0" }
      const { code, stderr, stdout } = yield* Bin.run(bin, ["run", "--out", out], env)
      assert.strictEqual(code, 4)
      assert.strictEqual(stdout, "")
      assert.match(stderr, /^hb-sessions-export: page \d+: the server failed \(HTTP 500\)[^\n]+\n$/)
      assert.deepStrictEqual(visible(out), ["sessions.csv"])
      assert.strictEqual(readFileSync(join(out, "sessions.csv"), "utf8"), "the earlier file")
    }).pipe(Effect.scoped)
  )

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it.live(
      `${signal} in the middle: a checkpoint, the earlier file as it was, and its own exit code`,
      () =>
        Effect.gen(function* () {
          const { hanging, url } = yield* brokenOnPage3("hang")
          const out = yield* scratch
          writeFileSync(join(out, "sessions.csv"), "the earlier file")
          const code = yield* Effect.promise(async () => {
            const env = { PATH: process.env["PATH"], HYPERBROWSER_API_KEY: "key", HYPERBROWSER_BASE_URL: url }
            const child = spawn(process.execPath, [bin, "run", "--out", out], { env, stdio: "ignore" })
            void hanging.then(() => setTimeout(() => child.kill(signal), 100))
            return (await once(child, "close"))[0]
          })
          assert.strictEqual(code, signal === "SIGINT" ? 130 : 143)
          assert.deepStrictEqual(visible(out), ["sessions.csv"])
          assert.isTrue(hasCheckpoint(out))
          assert.strictEqual(readFileSync(join(out, "sessions.csv"), "utf8"), "the earlier file")
        }).pipe(Effect.scoped),
      30_000
    )
  }

  it.live.runIf(process.platform === "linux")("exit code 74 at once, where no directory can be made", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Bin.run(bin, ["run", "--out", "/proc/exports"], environment(yield* Simulator))
      assert.strictEqual(code, 74)
      assert.match(stderr, /^hb-sessions-export: .*\/proc\/exports.*\n$/)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 10 })), Effect.scoped)
  )

  it.live("names a directory that cannot be created", () =>
    Effect.gen(function* () {
      const out = yield* scratch
      writeFileSync(join(out, "file"), "")
      const env = { HYPERBROWSER_API_KEY: "key", HYPERBROWSER_BASE_URL: "http://127.0.0.1:9" }
      const { code, stderr } = yield* Bin.run(bin, ["run", "--out", join(out, "file", "below")], env)
      assert.strictEqual(code, 2)
      assert.match(stderr, /^hb-sessions-export: [^\n]*file\/below[^\n]*\n$/)
    }).pipe(Effect.scoped)
  )

  for (const [time, args, env, message] of [
    [
      "seconds",
      ["--since", "1790000000"],
      {},
      '--since: "1790000000" is not a time: it looks like seconds; in milliseconds'
    ],
    [
      "a day that does not exist",
      [],
      { HB_SESSIONS_EXPORT_SINCE: "2026-02-30" },
      'HB_SESSIONS_EXPORT_SINCE: "2026-02-30" is not a time: Feb'
    ],
    ["minute 60", [], { HB_SESSIONS_EXPORT_UNTIL: "2026-01-31T09:60Z" }, "minutes go from 00 to 59"],
    ["an end before the beginning", ["--since", "2d", "--until", "3d"], {}, "--since must be before --until"]
  ] as const) {
    it.live(`${time} for a time: exit code 2, the reason, and nothing is written`, () =>
      Effect.gen(function* () {
        const out = yield* scratch
        const where = { HYPERBROWSER_API_KEY: "key", HYPERBROWSER_BASE_URL: "http://127.0.0.1:9" }
        const { code, stderr } = yield* Bin.run(bin, ["run", "--out", out, ...args], { ...where, ...env })
        assert.strictEqual(code, 2)
        assert.match(stderr, /^hb-sessions-export: [^\n]+\n$/)
        assert.include(stderr, message)
        assert.isEmpty(visible(out))
      }).pipe(Effect.scoped)
    )
  }

  it.live("no --out: exit code 2 and the flag", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Bin.run(bin, ["run"], {})
      assert.strictEqual(code, 2)
      assert.include(stderr, "--out")
    })
  )
})

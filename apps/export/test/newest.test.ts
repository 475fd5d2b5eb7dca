/**
 * A session that was read more than once is published in the state that was read last.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { once } from "node:events"
import { readdirSync, readFileSync } from "node:fs"
import { createServer, type ServerResponse } from "node:http"
import { join } from "node:path"
import { gunzipSync, zstdDecompressSync } from "node:zlib"
import { parse } from "csv-parse/sync"
import { exportTo, HOUR, row, serve } from "./list.ts"
import { environment, hasCheckpoint, launch, manifestOf, runHere as run, scratch, until } from "./support.ts"

interface Row {
  readonly id: string
  readonly status: string
}

/** A simulator behind a server that notes what each session was served as last. */
const recording = Effect.gen(function* () {
  const simulator = yield* Simulator
  const last = new Map<string, string>()
  const times = new Map<string, number>()
  const relay = async (url: string, headers: { readonly "x-api-key": string }, response: ServerResponse) => {
    const answer = await fetch(`${simulator.url}${url}`, { headers })
    const text = await answer.text()
    if (answer.ok) {
      const { sessions }: { readonly sessions: ReadonlyArray<Row> } = JSON.parse(text)
      for (const { id, status } of sessions) {
        last.set(id, status)
        times.set(id, (times.get(id) ?? 0) + 1)
      }
    }
    response.writeHead(answer.status, { "content-type": "application/json" }).end(text)
  }
  const server = createServer(({ headers, url = "/" }, response) => {
    relay(url, { "x-api-key": String(headers["x-api-key"]) }, response).catch(() => response.destroy())
  })
  yield* Effect.acquireRelease(
    Effect.promise(() => once(server.listen(0, "127.0.0.1"), "listening")),
    () =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return { env: environment({ apiKey: simulator.apiKey, url: `http://127.0.0.1:${port}` }), last, simulator, times }
})

/** The rows of each generation, as a reader finds them. */
const generationsOf = (out: string): ReadonlyArray<ReadonlyArray<Row>> => {
  const rows: Array<Array<Row>> = []
  for (const { generation, path, rows: count } of manifestOf(out).files) {
    const stored = readFileSync(join(out, path))
    const text = path.endsWith(".gz") ? gunzipSync(stored) : path.endsWith(".zst") ? zstdDecompressSync(stored) : stored
    const found: ReadonlyArray<Row> = path.includes(".ndjson")
      ? text
          .toString()
          .split("\n")
          .slice(0, -1)
          .map((line) => JSON.parse(line))
      : parse(text, { columns: true })
    assert.strictEqual(found.length, count, path)
    const own = (rows[generation] ??= [])
    own.push(...found)
  }
  return rows.filter((own) => own.length > 0)
}

const receivedOf = (out: string): number => {
  if (!hasCheckpoint(out)) return 0
  const staging = readdirSync(out).find((name) => name.startsWith(".staging-")) ?? ""
  return JSON.parse(readFileSync(join(out, staging, "checkpoint.json"), "utf8")).progress.received
}

const selections = [
  [],
  ["--format", "ndjson", "--compress", "gzip", "--partition", "day"],
  ["--compress", "zstd", "--partition", "month", "--columns", "status,id"],
  ["--mode", "incremental", "--partition", "day"]
]

describe("a session that was read again", () => {
  for (const [index, selection] of selections.entries()) {
    const signal = index % 2 === 0 ? "SIGKILL" : "SIGTERM"
    it.live(
      `after a ${signal} replaces the row from before: ${selection.join(" ")}`,
      () =>
        Effect.gen(function* () {
          const { env, last, simulator, times } = yield* recording
          const out = join(yield* scratch, "out")
          const args = ["run", "--out", out, "--concurrency", "1", "--checkpoint-every", "0 millis", ...selection]
          const isIncremental = selection.includes("incremental")
          if (isIncremental) {
            assert.strictEqual((yield* run(env, ...args)).code, 0)
            yield* simulator.mutate("start", 30)
            yield* simulator.mutate("update", 60)
          }
          const again = isIncremental ? ["--strict"] : []
          yield* simulator.setFaults({ script: [{ fault: "hang", page: 7 }] })
          last.clear()
          times.clear()
          const { child, ended } = launch(env, [...args, ...again])
          yield* Effect.promise(() => until(() => receivedOf(out) >= 60))
          child.kill(signal)
          yield* Effect.promise(() => ended)
          yield* simulator.setFaults({})
          // All that were open end, and all places move by more than a page.
          const closed = yield* simulator.mutate("end", 400)
          yield* simulator.mutate("start", 25)
          const before = new Set(times.keys())
          const { code, stderr } = yield* run(env, ...args, ...again)
          assert.strictEqual(code, 0, stderr)
          assert.strictEqual(manifestOf(out).resumed, 1)
          assert.strictEqual(manifestOf(out).completeness, "proven")
          assert.isNotEmpty(closed.filter((id) => before.has(id) && times.get(id)! > 1))
          const rows = generationsOf(out)
          for (const own of rows) assert.strictEqual(new Set(own.map(({ id }) => id)).size, own.length)
          const newest = new Map(rows.flat().map(({ id, status }) => [id, status]))
          assert.deepStrictEqual([...newest].toSorted(), [...last].toSorted())
          assert.strictEqual(manifestOf(out).current, last.size)
          assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0)
        }).pipe(Effect.provide(Simulator.layer({ sessions: 200, seed: "newest" })), Effect.scoped),
      120_000
    )
  }

  it.live(
    "is published in its last state within one run too, whether it still matches or not",
    () =>
      Effect.gen(function* () {
        const { env, last, simulator, times } = yield* recording
        const root = yield* scratch
        for (const status of [[], ["--status", "active"], ["--status", "closed,error"]]) {
          last.clear()
          times.clear()
          const out = join(root, `out-${status.join("-")}`)
          yield* simulator.mutate("start", 60)
          yield* simulator.setChurn({ start: 1, end: 4 })
          const { code, stderr } = yield* run(env, "run", "--out", out, "--concurrency", "1", ...status)
          yield* simulator.setChurn({})
          assert.strictEqual(code, 0, stderr)
          assert.isNotEmpty([...times.values()].filter((count) => count > 1))
          const wanted = [...last].filter(([, is]) => status.length === 0 || status[1]?.split(",").includes(is))
          const [rows = []] = generationsOf(out)
          assert.deepStrictEqual(rows.map(({ id, status: is }) => [id, is]).toSorted(), wanted.toSorted())
          assert.strictEqual(manifestOf(out).sessions, wanted.length)
        }
      }).pipe(Effect.provide(Simulator.layer({ sessions: 200, seed: "newest" })), Effect.scoped),
    120_000
  )

  for (const pages of [2, 8]) {
    it.live(
      `is published in its last state where a page holds it twice: ${pages} such pages`,
      () =>
        Effect.gen(function* () {
          const now = Date.now()
          const twice = Array.from({ length: pages }, (_, page) => [
            ...Array.from({ length: 8 }, (__, at) => row(`s${page}-${at}`, now, (page * 10 + at) * HOUR)),
            row(`twice-${page}`, now, (page * 10 + 8) * HOUR, "active"),
            row(`twice-${page}`, now, (page * 10 + 8) * HOUR, "closed")
          ])
          const env = yield* serve({ rows: twice.flat(), total: pages * 9 })
          const out = join(yield* scratch, "out")
          const { code, stderr } = yield* exportTo(env, out)
          assert.strictEqual(code, 0, stderr)
          const [rows = []] = generationsOf(out)
          assert.lengthOf(rows, pages * 9)
          assert.deepStrictEqual(new Set(rows.map(({ status }) => status)), new Set(["closed"]))
        }).pipe(Effect.scoped),
      60_000
    )
  }
})

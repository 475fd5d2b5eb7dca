/**
 * What the files hold: formats, filters, partitions, generations, and only what is new.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { gunzipSync, zstdDecompressSync } from "node:zlib"
import exportManifest from "../package.json" with { type: "json" }
import { environment, manifestOf, publishedIds, rowsOf, runHere as run, scratch } from "./support.ts"

const linesOf = (text: string): ReadonlyArray<Record<string, unknown>> =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

describe("formats", () => {
  const decompress = { gzip: gunzipSync, zstd: zstdDecompressSync }
  const ends = { gzip: "gz", zstd: "zst" }
  for (const compress of ["gzip", "zstd"] as const) {
    it.live(`${compress} holds the same bytes, in one piece`, () =>
      Effect.gen(function* () {
        const env = environment(yield* Simulator)
        const out = yield* scratch
        yield* run(env, "run", "--out", out)
        yield* run(env, "run", "--out", out, "--compress", compress, "--keep", "2")
        const plain = readFileSync(join(out, "generations", "00000001", "sessions.csv"))
        const packed = readFileSync(join(out, `sessions.csv.${ends[compress]}`))
        assert.isTrue(decompress[compress](packed).equals(plain))
        assert.isFalse(existsSync(join(out, "sessions.csv")), "the name of the previous generation is gone")
      }).pipe(Effect.provide(Simulator.layer({ sessions: 500 })), Effect.scoped)
    )
  }

  it.live("ndjson holds every key except secrets, in the contract's form", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const out = yield* scratch
      assert.strictEqual((yield* run(environment(simulator), "run", "--out", out, "--format", "ndjson")).code, 0)
      const lines = linesOf(readFileSync(join(out, "sessions.ndjson"), "utf8"))
      assert.deepStrictEqual(lines.map(({ id }) => String(id)).toSorted(), simulator.world.ids().toSorted())
      assert.property(lines[0], "notInAnySdk")
    }).pipe(Effect.provide(Simulator.layer({ sessions: 30, extraFields: true })), Effect.scoped)
  )

  it.live("no format holds what grants access to a browser", () =>
    Effect.gen(function* () {
      const agents = new Set<string | undefined>()
      const server = createServer(({ headers }, response) => {
        agents.add(headers["user-agent"])
        const sessions = [
          {
            id: "a",
            ...{ token: "SECRET", liveUrl: "SECRET", wsEndpoint: "SECRET", webdriverEndpoint: "SECRET" },
            ...{ LIVE_URL: "SECRET", computerActionEndpoint: "SECRET", other: [{ deep: { accessToken: "SECRET" } }] },
            launchState: { proxyServerPassword: "SECRET", profile: { id: "p", clientSecret: "SECRET" } }
          }
        ]
        response.end(JSON.stringify({ sessions, totalCount: 1, page: 1, pageSize: 10 }))
      }).listen(0, "127.0.0.1")
      yield* Effect.promise(() => once(server, "listening"))
      const env = environment({ apiKey: "key", url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
      const out = yield* scratch
      for (const format of ["csv", "ndjson"]) {
        assert.strictEqual((yield* run(env, "run", "--out", out, "--format", format)).code, 0)
        assert.notInclude(readFileSync(join(out, `sessions.${format}`), "utf8"), "SECRET")
      }
      assert.deepStrictEqual([...agents], [`hb-sessions-export/${exportManifest.version}`])
      const nested = ["--format", "ndjson", "--columns", "launchState.profile.id,id"]
      assert.strictEqual((yield* run(env, "run", "--out", out, ...nested)).code, 0)
      const lines = linesOf(readFileSync(join(out, "sessions.ndjson"), "utf8"))
      assert.deepStrictEqual(lines, [{ launchState: { profile: { id: "p" } }, id: "a" }])
      const asked = yield* run(env, "run", "--out", out, "--columns", "id,launchState.proxyServerPassword")
      assert.strictEqual(asked.code, 2)
      assert.match(asked.stderr, /"launchState\.proxyServerPassword" grants access/)
      server.close()
      server.closeAllConnections()
    }).pipe(Effect.scoped)
  )

  it.live("columns are as given, in that order", () =>
    Effect.gen(function* () {
      const env = environment(yield* Simulator)
      const out = yield* scratch
      yield* run(env, "run", "--out", out, "--columns", "status,id")
      assert.match(readFileSync(join(out, "sessions.csv"), "utf8"), /^status,id\r\n/)
      const typo = yield* run(env, "run", "--out", out, "--columns", "id,statsu")
      assert.strictEqual(typo.code, 0)
      assert.include(typo.stderr, 'no session has "statsu"; did you mean "status"?')
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )
})

describe("filters", () => {
  it.live("status is filtered locally, so that proof takes the whole list", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const out = yield* scratch
      yield* run(environment(simulator), "run", "--out", out, "--status", "active,error", "--strict")
      const expected = ["active", "error"].flatMap((status) => simulator.world.ids(status)).toSorted()
      assert.deepStrictEqual(publishedIds(out), expected)
      assert.isNotEmpty(expected)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 300 })), Effect.scoped)
  )

  it.live("times: the read stops at --since; with --strict it is proven", () =>
    Effect.gen(function* () {
      const env = environment(yield* Simulator)
      const out = yield* scratch
      const args = ["run", "--out", out, "--since", "2025-12-20", "--until", "2025-12-25T12:00Z"]
      yield* run(env, ...args)
      const quick = manifestOf(out)
      yield* run(env, ...args, "--strict")
      const strict = manifestOf(out)
      assert.strictEqual(quick.scope, "recent")
      assert.strictEqual(strict.completeness, "proven")
      assert.strictEqual(quick.files[0]?.sha256, strict.files[0]?.sha256)
      const times = rowsOf(join(out, "sessions.csv")).map((row) => row["createdAt"] ?? "")
      assert.isNotEmpty(times)
      assert.isTrue(times.every((time) => time >= "2025-12-20" && time < "2025-12-25T12:00"))
    }).pipe(Effect.provide(Simulator.layer({ sessions: 500 })), Effect.scoped)
  )

  it.live("--strict reads the whole list when the read back to --since is unproven", () =>
    Effect.gen(function* () {
      const rows = Array.from({ length: 60 }, (_, i) => ({ id: `${i}`, createdAt: new Date(2e12 - i * 1e9).toJSON() }))
      const server = createServer((request, response) => {
        const page = Number(new URL(request.url ?? "", "http://localhost").searchParams.get("page"))
        response.end(JSON.stringify({ sessions: rows.slice(page * 10 - 10, page * 10), page }))
      }).listen(0, "127.0.0.1")
      yield* Effect.promise(() => once(server, "listening"))
      const env = environment({ apiKey: "key", url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
      const out = yield* scratch
      const args = ["run", "--out", out, "--since", rows[20]?.createdAt ?? ""]
      assert.strictEqual((yield* run(env, ...args)).code, 0)
      assert.deepStrictEqual([manifestOf(out).scope, manifestOf(out).sessions], ["recent", 21])
      const { code, stderr } = yield* run(env, ...args, "--strict")
      assert.strictEqual(code, 5)
      assert.include(stderr, "reading the whole list")
      assert.include(stderr, "no-total")
      server.close()
      server.closeAllConnections()
    }).pipe(Effect.scoped)
  )

  it.live("--strict fails with exit code 5 and publishes nothing when the server sends no total", () =>
    Effect.gen(function* () {
      const server = createServer((request, response) => {
        const page = Number(new URL(request.url ?? "", "http://localhost").searchParams.get("page"))
        response.end(JSON.stringify({ sessions: page === 1 ? [{ id: "a" }] : [], page }))
      }).listen(0, "127.0.0.1")
      yield* Effect.promise(() => once(server, "listening"))
      const env = environment({ apiKey: "key", url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
      const out = yield* scratch
      const { code, stderr } = yield* run(env, "run", "--out", out, "--strict")
      assert.strictEqual(code, 5)
      assert.include(stderr, "no-total")
      assert.isFalse(existsSync(join(out, "manifest.json")))
      assert.strictEqual((yield* run(env, "run", "--out", out)).code, 0)
      assert.strictEqual(manifestOf(out).completeness, "unproven")
      server.close()
      server.closeAllConnections()
    }).pipe(Effect.scoped)
  )
})

describe("partitions", () => {
  it.live("are days of the time zone, and together the whole export", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const out = yield* scratch
      yield* run(environment(simulator), "run", "--out", out, "--partition", "day", "--tz", "America/St_Johns")
      const day = new Intl.DateTimeFormat("sv-SE", { timeZone: "America/St_Johns", dateStyle: "short" })
      const { files, latest } = manifestOf(out)
      assert.isUndefined(latest)
      assert.isAbove(files.length, 30)
      for (const { partition, path, rows } of files) {
        const found = rowsOf(join(out, path))
        assert.lengthOf(found, rows)
        for (const row of found) assert.strictEqual(day.format(new Date(row["createdAt"] ?? "")), partition)
      }
      assert.deepStrictEqual(publishedIds(out), simulator.world.ids().toSorted())
    }).pipe(Effect.provide(Simulator.layer({ sessions: 400 })), Effect.scoped)
  )
})

describe("generations", () => {
  const kept = (out: string) => readdirSync(join(out, "generations")).map(Number)

  it.live("are kept as --keep says, two by default, and as --keep-for says", () =>
    Effect.gen(function* () {
      const env = environment(yield* Simulator)
      const out = yield* scratch
      const next = (...args: ReadonlyArray<string>) => run(env, "run", "--out", out, ...args)
      for (const _ of [1, 2, 3, 4]) yield* next("--keep", "3")
      assert.deepStrictEqual(kept(out), [2, 3, 4])
      yield* next()
      assert.deepStrictEqual(kept(out), [4, 5])
      for (const _ of [6, 7]) yield* next("--keep-for", "1 day")
      assert.deepStrictEqual(kept(out), [4, 5, 6, 7])
      assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0)
      yield* next("--keep-for", "1 milli")
      assert.deepStrictEqual(kept(out), [7, 8])
      const { code, stderr } = yield* next("--keep", "1")
      assert.strictEqual(code, 2)
      assert.include(stderr, "whole number from 2")
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )

  it.live("a reader of the previous manifest finds all of its files, whatever comes next", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const out = yield* scratch
      const next = (...args: ReadonlyArray<string>) =>
        run(environment(simulator), "run", "--out", out, "--mode", "incremental", ...args)
      yield* next()
      for (const args of [[], [], ["--full-refresh"], [], ["--full-refresh"], ["--full-refresh"]]) {
        const before = manifestOf(out)
        yield* simulator.mutate("start", 1)
        assert.strictEqual((yield* next(...args)).code, 0)
        for (const { path, rows } of before.files) assert.lengthOf(rowsOf(join(out, path)), rows)
        assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0)
      }
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )
})

describe("incremental", () => {
  const args = (out: string) => ["run", "--out", out, "--mode", "incremental"]

  /** What a reader has who takes the files in order. */
  const merged = (out: string) => {
    const sessions = new Map<string, Record<string, string>>()
    for (const { path } of manifestOf(out).files) {
      for (const row of rowsOf(join(out, path))) sessions.set(row["id"] ?? "", row)
    }
    return sessions
  }

  const contents = (sessions: ReadonlyMap<string, unknown>) => [...sessions].toSorted(([a], [b]) => (a < b ? -1 : 1))

  it.live("a generation holds new and changed sessions; all generations together hold a snapshot", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const env = environment(simulator)
      const root = yield* scratch
      const [out, snapshot] = [join(root, "out"), join(root, "snapshot")]
      yield* run(env, ...args(out))
      for (const changes of [3, 0, 5]) {
        yield* simulator.mutate("start", changes)
        const ended = yield* simulator.mutate("end", changes)
        assert.strictEqual((yield* run(env, ...args(out))).code, 0)
        const { report, sessions, scope } = manifestOf(out)
        assert.isAtMost(sessions, 2 * changes)
        assert.isAtLeast(sessions, ended.length)
        assert.strictEqual(scope, "recent")
        assert.isBelow(report.requests, 120)
      }
      yield* run(env, "run", "--out", snapshot)
      assert.deepStrictEqual(contents(merged(out)), contents(merged(snapshot)))
      assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 2000 })), Effect.scoped)
  )

  it.live("reads the whole list, and logs it, when that is not newest first", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const env = environment(simulator)
      const out = yield* scratch
      yield* run(env, ...args(out))
      yield* simulator.mutate("start", 2)
      yield* run(env, ...args(out))
      const { sessions, scope, scopeReason } = manifestOf(out)
      assert.deepStrictEqual([sessions, scope], [2, "full"])
      assert.include(scopeReason, "not sorted newest first")
    }).pipe(Effect.provide(Simulator.layer({ sessions: 200, order: "created-asc" })), Effect.scoped)
  )

  it.live("notices during the read that the list is no longer newest first", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const env = environment(simulator)
      const out = yield* scratch
      yield* run(env, ...args(out))
      // As if the server had changed its order since.
      const text = readFileSync(join(out, "manifest.json"), "utf8")
      const changed = text.replace(/("bookmark": [^}]*"order": )"oldest-first"/, '$1"newest-first"')
      for (const copy of ["manifest.json", "generations/00000001/manifest.json"]) {
        writeFileSync(join(out, copy), changed)
      }
      assert.strictEqual(manifestOf(out).bookmark.order, "newest-first")
      yield* simulator.mutate("start", 2)
      const { code, stderr } = yield* run(env, ...args(out))
      assert.strictEqual(code, 0)
      assert.include(stderr, "reading the whole list")
      const { sessions, scope, scopeReason } = manifestOf(out)
      assert.deepStrictEqual([sessions, scope], [2, "full"])
      assert.include(scopeReason, "not sorted newest first")
    }).pipe(Effect.provide(Simulator.layer({ sessions: 200, order: "created-asc" })), Effect.scoped)
  )

  it.live("an index that is damaged or missing is rejected, and --full-refresh helps", () =>
    Effect.gen(function* () {
      const env = environment(yield* Simulator)
      const out = yield* scratch
      yield* run(env, ...args(out))
      const index = join(out, manifestOf(out).bookmark.index?.files[0]?.path ?? "")
      const bytes = readFileSync(index)
      bytes[100] = (bytes[100] ?? 0) ^ 1
      for (const damage of [() => writeFileSync(index, bytes), () => rmSync(index)]) {
        damage()
        const { code, stderr } = yield* run(env, ...args(out))
        assert.strictEqual(code, 2)
        assert.include(stderr, "index.bin is not as published")
      }
      assert.strictEqual((yield* run(env, ...args(out), "--full-refresh")).code, 0)
      // The damaged generation is kept as the one before, until the next.
      assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 74)
      assert.strictEqual((yield* run(env, ...args(out))).code, 0)
      assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 50 })), Effect.scoped)
  )

  it.live("--full-refresh starts over", () =>
    Effect.gen(function* () {
      const env = environment(yield* Simulator)
      const out = yield* scratch
      yield* run(env, ...args(out))
      yield* run(env, ...args(out), "--full-refresh")
      const { files, sessions } = manifestOf(out)
      assert.deepStrictEqual([files.length, sessions], [1, 50])
    }).pipe(Effect.provide(Simulator.layer({ sessions: 50 })), Effect.scoped)
  )
})

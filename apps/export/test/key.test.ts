/**
 * The API key from a file, and whatever else may stand where a file is named.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import * as OddFiles from "@hb-sessions/app-kit/OddFiles"
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { once } from "node:events"
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { bin, manifestOf, run, scratch, until } from "./support.ts"

/** A server of 40 sessions in pages of 10 that accepts the keys that it is told to, and notes which were sent. */
const server = (accepted: Set<string>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const keys: Array<string> = []
      const started = createServer((request, response) => {
        const key = String(request.headers["x-api-key"])
        keys.push(key)
        if (!accepted.has(key)) {
          response.writeHead(401).end("{}")
          return
        }
        const page = Number(new URL(request.url ?? "", "http://localhost").searchParams.get("page"))
        const sessions = Array.from({ length: page <= 4 ? 10 : 0 }, (_, n) => ({
          id: `session-${page}-${n}`,
          teamId: "team-a",
          status: "closed",
          createdAt: new Date(Date.UTC(2026, 0, 1) - (page * 10 + n) * 60_000).toISOString()
        }))
        response.end(JSON.stringify({ sessions, totalCount: 40, page, pageSize: 10 }))
      }).listen(0, "127.0.0.1")
      await once(started, "listening")
      return { keys, started, url: `http://127.0.0.1:${(started.address() as AddressInfo).port}` }
    }),
    ({ started }) =>
      Effect.sync(() => {
        started.close()
        started.closeAllConnections()
      })
  )

const withFile = (url: string, file: string): Bin.Env => ({
  HYPERBROWSER_API_KEY_FILE: file,
  HYPERBROWSER_BASE_URL: url,
  HB_SESSIONS_RETRIES: "0"
})

/** A directory as Kubernetes mounts a secret: the key is a link into one that is swapped as a whole. */
const mounted = Effect.map(scratch, (root) => {
  let count = 0
  const swap = (key: string) => {
    const version = `..version-${++count}`
    mkdirSync(join(root, version))
    writeFileSync(join(root, version, "key"), key)
    symlinkSync(version, join(root, "..data-new"))
    renameSync(join(root, "..data-new"), join(root, "..data"))
  }
  symlinkSync(join("..data", "key"), join(root, "key"))
  return { file: join(root, "key"), swap }
})

describe.concurrent("HYPERBROWSER_API_KEY_FILE", () => {
  it.live("is the key, without its line end", () =>
    Effect.gen(function* () {
      const { apiKey, url } = yield* Simulator
      const root = yield* scratch
      writeFileSync(join(root, "key"), `${apiKey}\n`)
      const { code, stderr } = yield* run(withFile(url, join(root, "key")), "run", "--out", join(root, "out"))
      assert.strictEqual(code, 0, stderr)
      assert.strictEqual(manifestOf(join(root, "out")).sessions, 20)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 20 })), Effect.scoped)
  )

  it.live("cannot be given beside HYPERBROWSER_API_KEY, nor name what holds no key", () =>
    Effect.gen(function* () {
      const root = yield* scratch
      const key = join(root, "key")
      const failed = Effect.fnUntraced(function* (env: Bin.Env, user?: Bin.User) {
        const { code, stderr } = yield* Bin.run(bin, ["run", "--out", join(root, "out")], env, user)
        assert.match(stderr, /^[^\n]+\n$/)
        return [code, stderr] as const
      })
      const env = withFile("http://127.0.0.1:9", key)
      const [missing, text] = yield* failed(env)
      assert.strictEqual(missing, 3)
      assert.include(text, `HYPERBROWSER_API_KEY_FILE: ${key}: it does not exist; write a key from`)
      const [both, twice] = yield* failed({ ...env, HYPERBROWSER_API_KEY: "key" })
      assert.strictEqual(both, 2)
      assert.include(twice, "both HYPERBROWSER_API_KEY and HYPERBROWSER_API_KEY_FILE are set")
      writeFileSync(key, "\n")
      assert.include((yield* failed(env))[1], `${key}: it is empty`)
      for (const { path, problem, user } of OddFiles.make(root)) {
        const [code, stderr] = yield* failed(withFile("http://127.0.0.1:9", path), user)
        assert.strictEqual(code, 2, stderr)
        assert.include(stderr, `HYPERBROWSER_API_KEY_FILE: ${path}: ${problem}; `)
      }
      assert.isFalse(existsSync(join(root, "out")))
    }).pipe(Effect.scoped)
  )

  it.live(
    "is read again by each run of a schedule",
    () =>
      Effect.gen(function* () {
        const accepted = new Set(["hb_first"])
        const { keys, url } = yield* server(accepted)
        const { file, swap } = yield* mounted
        swap("hb_first\n")
        const out = join(yield* scratch, "out")
        const { process: child, stop } = yield* startSchedule(withFile(url, file), out)
        let log = ""
        child.stderr?.setEncoding("utf8").on("data", (text: string) => (log += text))
        swap("hb_second\n")
        accepted.add("hb_second")
        const before = keys.length
        yield* Effect.promise(() => until(() => keys.slice(before).includes("hb_second")))
        accepted.delete("hb_first")
        const { generation } = manifestOf(out)
        yield* Effect.promise(() => until(() => manifestOf(out).generation > generation + 1))
        assert.strictEqual((yield* stop("SIGTERM")).code, 143)
        // No run mixes two keys while its first is accepted, and none goes back.
        const changed = keys.indexOf("hb_second")
        assert.isTrue(keys.slice(changed).every((key) => key === "hb_second"))
        assert.include(log, `INFO HYPERBROWSER_API_KEY_FILE: ${file} holds another API key now`)
        assert.notInclude(log, "hb_second")
        assert.notInclude(log, "the run failed")
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("that changes while a run reads is left to the next run, while its key is accepted", () =>
    Effect.gen(function* () {
      const { keys, started, url } = yield* server(new Set(["hb_first", "hb_second"]))
      const { file, swap } = yield* mounted
      swap("hb_first\n")
      started.on("request", ({ url: asked = "" }) => {
        if (asked.includes("page=3")) swap("hb_second\n")
      })
      const out = join(yield* scratch, "out")
      // Slow enough for the file to be looked at again.
      const slowly = { ...withFile(url, file), HB_SESSIONS_MAX_REQUESTS_PER_SECOND: "1" }
      assert.strictEqual((yield* run(slowly, "run", "--out", out, "--concurrency", "1")).code, 0)
      assert.deepStrictEqual([...new Set(keys)], ["hb_first"])
      assert.strictEqual((yield* run(withFile(url, file), "run", "--out", out)).code, 0)
      assert.deepStrictEqual([...new Set(keys)], ["hb_first", "hb_second"])
    }).pipe(Effect.scoped)
  )

  it.live("that changed since is used when the key is rejected in the middle of a run", () =>
    Effect.gen(function* () {
      const accepted = new Set(["hb_first"])
      const { keys, started, url } = yield* server(accepted)
      const { file, swap } = yield* mounted
      swap("hb_first\n")
      started.on("request", ({ url: asked = "" }) => {
        if (!asked.includes("page=3") || accepted.has("hb_second")) return
        swap("hb_second\n")
        accepted.clear()
        accepted.add("hb_second")
      })
      const out = join(yield* scratch, "out")
      const { code, stderr } = yield* run(withFile(url, file), "run", "--out", out, "--concurrency", "1")
      assert.strictEqual(code, 0, stderr)
      assert.strictEqual(manifestOf(out).sessions, 40)
      assert.deepStrictEqual([...new Set(keys)], ["hb_first", "hb_second"])
    }).pipe(Effect.scoped)
  )

  it.live("that has gone leaves the key in use, and is told once", () =>
    Effect.gen(function* () {
      const { url } = yield* server(new Set(["hb_first"]))
      const { file, swap } = yield* mounted
      swap("hb_first\n")
      const out = join(yield* scratch, "out")
      const { process: child, stop } = yield* startSchedule(withFile(url, file), out)
      let log = ""
      child.stderr?.setEncoding("utf8").on("data", (text: string) => (log += text))
      rmSync(file)
      yield* Effect.promise(() => until(() => log.includes("WARN HYPERBROWSER_API_KEY_FILE")))
      const { generation } = manifestOf(out)
      yield* Effect.promise(() => until(() => manifestOf(out).generation > generation + 1))
      assert.strictEqual((yield* stop("SIGTERM")).code, 143)
      assert.lengthOf(log.split("the API key read before stays in use"), 2)
      assert.notInclude(log, "the run failed")
    }).pipe(Effect.scoped)
  )
})

/** A schedule that has had its first run. */
const startSchedule = (env: Bin.Env, out: string) =>
  Bin.start(bin, ["schedule", "--cron", "* * * * * *", "--out", out], env).pipe(
    Effect.mapError(({ stderr }) => new Error(stderr)),
    Effect.orDie
  )

describe.concurrent("--config", () => {
  it.live("rejects at once what is no file", () =>
    Effect.gen(function* () {
      const root = yield* scratch
      for (const { path, problem, user } of OddFiles.make(root)) {
        const { code, stderr } = yield* Bin.run(bin, ["inspect", "--config", path], {}, user)
        assert.strictEqual(code, 2)
        assert.match(stderr, /^[^\n]+\n$/)
        assert.include(stderr, `${path}: ${problem}; `)
      }
      const large = join(root, "large.toml")
      writeFileSync(large, "#".repeat(4 * 1024 * 1024 + 1))
      const { code, stderr } = yield* run({}, "inspect", "--config", large)
      assert.deepStrictEqual([code, stderr.includes("it is larger than 4 MiB")], [2, true])
    }).pipe(Effect.scoped)
  )
})

/**
 * A tokens file that a running server cannot read: for a while, for too long, and again.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { dirname, join } from "node:path"
import { peakMemoryOf } from "./support/Memory.ts"
import { bin, createToken, directory, eventually, get, serve, start, token } from "./support/Proxy.ts"

/** A user and a group that own nothing. */
const other = { uid: 64_017, gid: 64_018 }

const isRoot = process.getuid?.() === 0
const canRead = (path: string): boolean =>
  path === "/" || ((statSync(path).mode & 0o005) === 5 && canRead(dirname(path)))
const isReadable = canRead(dirname(process.execPath)) && canRead(dirname(bin))
const prlimit = "/usr/bin/prlimit"

layer(Simulator.layer({ sessions: 12, seed: "reload" }), { excludeTestServices: true })("a tokens file", (it) => {
  const statusFor = (url: string, secret: string) =>
    Effect.map(get(`${url}/api/sessions`, { headers: { "x-api-key": secret } }), ({ status }) => status)

  const metric = (adminUrl: string, name: string) =>
    Effect.map(get(`${adminUrl}/metrics`), ({ text }) =>
      Number(new RegExp(`^hb_sessions_proxy_${name} (.*)$`, "m").exec(text)?.[1])
    )

  it.effect("of another user keeps its owner, group and mode, and is read again once that user may", (test) =>
    Effect.gen(function* () {
      if (!isRoot || !isReadable) return test.skip("only root can start a server as another user")
      const path = yield* directory
      chmodSync(path, 0o755)
      const file = join(path, "tokens.json")
      const made = yield* token(file, "create", "--name", "kept")
      assert.include(made.stderr, "only root can read")
      const kept = made.stdout.trim()
      const first = yield* createToken(file, "first")
      chownSync(file, other.uid, other.gid)
      chmodSync(file, 0o640)
      const proxy = yield* serve(yield* Simulator, file, [], {}, other)
      assert.strictEqual(yield* statusFor(proxy.url, first), 200)

      const revoked = yield* token(file, "revoke", "--name", "first")
      assert.deepStrictEqual([revoked.code, revoked.stderr.includes("warning")], [0, false])
      yield* eventually(statusFor(proxy.url, first), (status) => status !== 200)
      const { gid, mode, uid } = statSync(file)
      assert.deepStrictEqual([uid, gid, mode & 0o777], [other.uid, other.gid, 0o640])
      assert.strictEqual(yield* metric(proxy.adminUrl, "tokens_reload_failures"), 0)

      chmodSync(file, 0)
      const second = yield* token(file, "create", "--name", "second")
      assert.deepStrictEqual([second.code, statSync(file).mode & 0o777], [0, 0])
      assert.include(second.stderr, "its owner may not read it")
      yield* eventually(metric(proxy.adminUrl, "tokens_reload_failures"), (count) => count >= 3)
      assert.isAtLeast(yield* metric(proxy.adminUrl, "tokens_age_seconds"), 1)
      assert.strictEqual(yield* statusFor(proxy.url, kept), 200)
      chmodSync(file, 0o600)
      yield* eventually(statusFor(proxy.url, second.stdout.trim()), (status) => status === 200)

      chownSync(file, 0, 0)
      const failures = yield* metric(proxy.adminUrl, "tokens_reload_failures")
      const third = yield* token(file, "revoke", "--name", "second")
      assert.include(third.stderr, "only root can read")
      yield* eventually(metric(proxy.adminUrl, "tokens_reload_failures"), (count) => count > failures)
      assert.strictEqual(yield* statusFor(proxy.url, second.stdout.trim()), 200)
      chownSync(file, other.uid, other.gid)
      yield* eventually(statusFor(proxy.url, second.stdout.trim()), (status) => status !== 200)
      assert.strictEqual(yield* statusFor(proxy.url, kept), 200)

      const { stderr } = yield* proxy.stop("SIGTERM")
      assert.strictEqual(stderr.split("stay in force").length - 1, 1, stderr)
      assert.include(stderr, "can be read again")
    }).pipe(Effect.scoped)
  )

  it.effect("has files beside it, of last uses and expiries, that are kept where they cannot be read", (test) =>
    Effect.gen(function* () {
      if (!isRoot || !isReadable) return test.skip("only root can start a server as another user")
      const path = yield* directory
      const file = join(path, "tokens.json")
      const audit = join(path, "audit.log")
      const secret = yield* createToken(file, "a")
      const { id } = JSON.parse(readFileSync(file, "utf8")).tokens[0]
      const lastUsed = `${file}.last-used`
      writeFileSync(lastUsed, JSON.stringify({ version: 1, lastUsed: { [id]: 1 } }))
      for (const each of [path, file, lastUsed]) chownSync(each, other.uid, other.gid)
      // As after a copy that kept too little of the mode: it may be written, but not read.
      chmodSync(lastUsed, 0o200)
      const proxy = yield* serve(yield* Simulator, file, ["--audit-log", audit], {}, other)
      assert.strictEqual(yield* statusFor(proxy.url, secret), 200)
      const { stderr } = yield* proxy.stop("SIGTERM")
      assert.include(stderr, "tokens.json.last-used: this user may not read it; until it can be written")
      assert.deepStrictEqual(JSON.parse(readFileSync(lastUsed, "utf8")).lastUsed, { [id]: 1 })

      chmodSync(`${audit}.until`, 0o200)
      const started = yield* Effect.exit(serve(yield* Simulator, file, ["--audit-log", audit], {}, other))
      assert.include(String(started), "audit.log.until: this user may not read it; make it readable, or remove it")
    }).pipe(Effect.scoped)
  )

  it.effect("that cannot be read for too long ends all tokens, until it can", () =>
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator, ["--stale-tokens", "2s"])
      const away = `${proxy.tokensFile}.away`
      renameSync(proxy.tokensFile, away)
      assert.strictEqual(yield* statusFor(proxy.url, proxy.token), 200)
      yield* eventually(statusFor(proxy.url, proxy.token), (status) => status !== 200)
      for (const headers of [proxy.auth, { "x-api-key": "unknown" }, {}]) {
        const { headers: fields, status, text } = yield* get(`${proxy.url}/v1/sessions`, { headers })
        assert.deepStrictEqual([status, fields.get("retry-after")], [503, "5"])
        assert.match(JSON.parse(text).type, /tokens-unavailable$/)
      }
      assert.strictEqual((yield* get(proxy.url)).status, 200)
      const ready = yield* get(`${proxy.adminUrl}/readyz`)
      assert.deepStrictEqual([ready.status, JSON.parse(ready.text)], [503, { status: "tokens-unavailable" }])
      assert.isAtLeast(yield* metric(proxy.adminUrl, "tokens_age_seconds"), 2)
      yield* eventually(metric(proxy.adminUrl, "tokens_reload_failures"), (count) => count >= 4)
      renameSync(away, proxy.tokensFile)
      yield* eventually(statusFor(proxy.url, proxy.token), (status) => status === 200)
      assert.strictEqual((yield* get(`${proxy.adminUrl}/readyz`)).status, 200)
      const { stderr } = yield* proxy.stop("SIGTERM")
      assert.strictEqual(stderr.split("stay in force").length - 1, 1, stderr)
      assert.strictEqual(stderr.split("no token is valid until it can").length - 1, 1, stderr)
    }).pipe(Effect.scoped)
  )

  it.effect("in whose place something else comes keeps its tokens, and holds nothing up", () =>
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator)
      const file = proxy.tokensFile
      const impostor = `${file}.impostor`
      const run = (program: string, ...args: ReadonlyArray<string>) => execFileSync(program, [...args, impostor])
      const before = peakMemoryOf(proxy.process)
      for (const [problem, make] of [
        ["it is a FIFO, not a file", () => run("mkfifo", "--mode=600")],
        ["it is a directory, not a file", () => mkdirSync(impostor)],
        ["it does not exist", () => symlinkSync("nowhere", impostor)],
        ["it is not a list", () => writeFileSync(impostor, "", { mode: 0o600 })],
        // It takes no room: all of it is a hole.
        [
          "it is larger than 16 MiB",
          () => void (writeFileSync(impostor, "", { mode: 0o600 }), truncateSync(impostor, 2 ** 30))
        ],
        ...(isRoot
          ? ([["it is a device, not a file", () => execFileSync("mknod", [impostor, "c", "1", "5"])]] as const)
          : [])
      ] as const) {
        make()
        const listed = yield* token(impostor, "list")
        assert.strictEqual(listed.code, 3, listed.stderr)
        assert.include(listed.stderr, problem)
        const failures = yield* metric(proxy.adminUrl, "tokens_reload_failures")
        renameSync(file, `${file}.away`)
        renameSync(impostor, file)
        yield* eventually(metric(proxy.adminUrl, "tokens_reload_failures"), (count) => count > failures)
        assert.strictEqual(yield* statusFor(proxy.url, proxy.token), 200)
        rmSync(file, { recursive: true })
        renameSync(`${file}.away`, file)
        yield* eventually(metric(proxy.adminUrl, "tokens_age_seconds"), (age) => age < 0.5)
      }
      assert.isBelow(peakMemoryOf(proxy.process) - before, 200e6)
    }).pipe(Effect.scoped)
  )

  it.effect("is tried again, untouched, when the process had no descriptor left, and when it was damaged", (test) =>
    Effect.gen(function* () {
      if (!existsSync(prlimit)) return test.skip("prlimit is not installed")
      const proxy = yield* start(yield* Simulator)
      const limit = (soft: string) =>
        execFileSync(prlimit, ["--pid", String(proxy.process.pid), `--nofile=${soft}:`], { encoding: "utf8" })
      assert.strictEqual(yield* statusFor(proxy.url, proxy.token), 200)
      // The connection of `fetch` stays open; nothing else can be opened.
      limit("1")
      yield* token(proxy.tokensFile, "revoke", "--name", "test")
      yield* Effect.sleep("1200 millis")
      assert.strictEqual(yield* statusFor(proxy.url, proxy.token), 200)
      limit("1024")
      yield* eventually(statusFor(proxy.url, proxy.token), (status) => status !== 200)
      assert.isAtLeast(yield* metric(proxy.adminUrl, "tokens_reload_failures"), 1)

      const kept = readFileSync(proxy.tokensFile, "utf8")
      const failures = yield* metric(proxy.adminUrl, "tokens_reload_failures")
      writeFileSync(proxy.tokensFile, kept.slice(0, -4))
      yield* eventually(metric(proxy.adminUrl, "tokens_reload_failures"), (count) => count > failures)
      writeFileSync(proxy.tokensFile, kept)
      const late = yield* createToken(proxy.tokensFile, "late")
      yield* eventually(statusFor(proxy.url, late), (status) => status === 200)
    }).pipe(Effect.scoped)
  )

  it.effect("that is mounted by itself and was replaced outside is known not to be the one any more", (test) =>
    Effect.gen(function* () {
      const opened = join(yield* directory, "tokens.json")
      const kept = yield* createToken(opened, "kept")
      const descriptor = openSync(opened, "r")
      yield* Effect.addFinalizer(() => Effect.sync(() => closeSync(descriptor)))
      // As a mount does, it leads to what stood there when it was made.
      const mounted = `/proc/${process.pid}/fd/${descriptor}`
      if (!existsSync(mounted)) return test.skip("there is no /proc")
      const proxy = yield* serve(yield* Simulator, mounted)
      assert.strictEqual((yield* token(opened, "revoke", "--name", "kept")).code, 0)
      yield* eventually(metric(proxy.adminUrl, "tokens_reload_failures"), (count) => count >= 2)
      assert.strictEqual(yield* statusFor(proxy.url, kept), 200)
      const { stderr } = yield* proxy.stop("SIGTERM")
      assert.include(stderr, "mount its directory")
    }).pipe(Effect.scoped)
  )
})

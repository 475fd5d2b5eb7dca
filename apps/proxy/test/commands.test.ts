/**
 * The tokens file under commands that come at once, through links, and are killed.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import {
  existsSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { bin, createToken, createTokenByCommand, directory, eventually, get, serve, token } from "./support/Proxy.ts"

const strace = "/usr/bin/strace"

const namesIn = (file: string) =>
  Effect.map(token(file, "list", "--json"), ({ stdout }) =>
    JSON.parse(stdout)
      .map(({ name }: { readonly name: string }) => name)
      .toSorted()
  )

/** Lets it go on. Each of its threads stops when it flushes something for the first time. */
const goOn = (pid: number) =>
  eventually(
    Effect.orElseSucceed(
      Effect.try(() => process.kill(pid, "SIGCONT")),
      () => false
    ),
    (runs) => !runs
  )

/** Starts a `token create` that gets a signal when it flushes the new file: it holds the lock then. */
const signalled = (file: string, name: string, signal: "SIGKILL" | "SIGSTOP") =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const inject = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", `inject=fsync:signal=${signal}:when=1`]
      const command = [process.execPath, bin, "token", "create", "--name", name, "--tokens-file", file]
      const child = spawn(strace, [...inject, ...command], { stdio: "ignore" })
      return { ended: once(child, "exit"), child }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** Starts a `token create` that stands still while it holds the lock. */
const stopped = Effect.fnUntraced(function* (file: string, name: string) {
  const { ended } = yield* signalled(file, name, "SIGSTOP")
  const lock = `${file}.lock`
  const holder = Effect.sync(() => (isLink(lock) ? readlinkSync(lock) : ""))
  const pid = Number((yield* eventually(holder, (text) => text !== "")).split(":")[1])
  yield* eventually(
    Effect.sync(() => readFileSync(`/proc/${pid}/stat`, "utf8")),
    (text) => /\) [tT] /.test(text)
  )
  return { ended, pid }
})

layer(Simulator.layer({ sessions: 12, seed: "commands" }), { excludeTestServices: true })("commands", (it) => {
  const statusFor = (url: string, secret: string) =>
    Effect.map(get(`${url}/api/sessions`, { headers: { "x-api-key": secret } }), ({ status }) => status)

  it.effect("change what is behind symbolic links, which stay, and exclude each other there", () =>
    Effect.gen(function* () {
      const path = yield* directory
      const [real, near, far] = ["real", "near", "far"].map((name) => {
        mkdirSync(join(path, name))
        return join(path, name, "tokens.json")
      }) as [string, string, string]
      // The file does not exist yet.
      symlinkSync("../real/tokens.json", near)
      symlinkSync(near, far)
      const kept = yield* createTokenByCommand(far, "kept")
      const proxy = yield* serve(yield* Simulator, real)
      const names = ["a", "b", "c", "d", "e", "f"]
      yield* Effect.forEach(names, (name, index) => createTokenByCommand([real, near, far][index % 3] ?? real, name), {
        concurrency: 6
      })
      assert.deepStrictEqual(yield* namesIn(real), [...names, "kept"])
      assert.strictEqual(yield* statusFor(proxy.url, kept), 200)
      assert.strictEqual((yield* token(far, "revoke", "--name", "kept")).code, 0)
      yield* eventually(statusFor(proxy.url, kept), (status) => status !== 200)
      assert.deepStrictEqual([readlinkSync(near), readlinkSync(far)], ["../real/tokens.json", near])
      for (const name of ["real", "near", "far"]) {
        assert.deepStrictEqual(readdirSync(join(path, name)), ["tokens.json"])
      }
      linkSync(real, join(path, "hard"))
      const { stderr } = yield* token(real, "revoke", "--name", "a")
      assert.include(stderr, "had 2 hard links")
    }).pipe(Effect.scoped)
  )

  it.effect("are seen by a server behind the links that Kubernetes swaps", () =>
    Effect.gen(function* () {
      const path = yield* directory
      for (const name of ["..1", "..2"]) mkdirSync(join(path, name))
      const first = yield* createToken(join(path, "..1/tokens.json"), "first")
      const second = yield* createToken(join(path, "..2/tokens.json"), "second")
      symlinkSync("..1", join(path, "..data"))
      const file = join(path, "tokens.json")
      symlinkSync("..data/tokens.json", file)
      const proxy = yield* serve(yield* Simulator, file)
      assert.strictEqual(yield* statusFor(proxy.url, first), 200)
      symlinkSync("..2", join(path, "..data_tmp"))
      renameSync(join(path, "..data_tmp"), join(path, "..data"))
      yield* eventually(statusFor(proxy.url, second), (status) => status === 200)
      assert.notStrictEqual(yield* statusFor(proxy.url, first), 200)
    }).pipe(Effect.scoped)
  )

  it.effect("are not kept out by one that was killed, and lose nothing when several find its lock", (test) =>
    Effect.gen(function* () {
      if (!existsSync(strace)) return test.skip("strace is not installed")
      const file = join(yield* directory, "tokens.json")
      const lock = `${file}.lock`
      yield* createToken(file, "kept")
      const { ended } = yield* signalled(file, "killed", "SIGKILL")
      yield* Effect.promise(() => ended)
      assert.isTrue(isLink(lock))
      const names = ["a", "b", "c", "d", "e", "f"]
      yield* Effect.forEach(names, (name) => createTokenByCommand(file, name), { concurrency: 6 })
      assert.deepStrictEqual(yield* namesIn(file), [...names, "kept"])
      assert.isFalse(isLink(lock))
    }).pipe(Effect.scoped)
  )

  it.effect(
    "wait for one that stands still, then say which, and do not undo each other when its lock is taken away",
    (test) =>
      Effect.gen(function* () {
        if (!existsSync(strace)) return test.skip("strace is not installed")
        const file = join(yield* directory, "tokens.json")
        yield* createToken(file, "kept")
        const { ended, pid } = yield* stopped(file, "slow")
        const late = yield* token(file, "create", "--name", "late")
        assert.strictEqual(late.code, 3)
        assert.include(late.stderr, `process ${pid} holds this lock`)
        yield* goOn(pid)
        yield* Effect.promise(() => ended)
        assert.deepStrictEqual(yield* namesIn(file), ["kept", "slow"])

        // Its lock is taken away, as by an operator who takes it for dead.
        const second = yield* stopped(file, "slower")
        rmSync(`${file}.lock`)
        yield* createTokenByCommand(file, "quick")
        yield* goOn(second.pid)
        assert.deepStrictEqual(yield* Effect.promise(() => second.ended), [3, null])
        assert.deepStrictEqual(yield* namesIn(file), ["kept", "quick", "slow"])
      }).pipe(Effect.scoped)
  )

  it.effect("wait a minute for a lock whose holder cannot be seen from here", () =>
    Effect.gen(function* () {
      const file = join(yield* directory, "tokens.json")
      const lock = `${file}.lock`
      symlinkSync("0123456789abcdef:1:1:elsewhere", lock)
      const early = yield* token(file, "create", "--name", "early")
      assert.deepStrictEqual([early.code, early.stderr.includes("process 1 holds")], [3, true])
      const old = Date.now() / 1000 - 61
      lutimesSync(lock, old, old)
      yield* createTokenByCommand(file, "late")
      // As earlier versions left it.
      writeFileSync(lock, "")
      lutimesSync(lock, old, old)
      yield* createTokenByCommand(file, "later")
      assert.deepStrictEqual(yield* namesIn(file), ["late", "later"])
      assert.isFalse(isLink(lock))
    }).pipe(Effect.scoped)
  )

  it.effect("write nothing that could not be read again", () =>
    Effect.gen(function* () {
      const file = join(yield* directory, "tokens.json")
      yield* createToken(file, "kept")
      for (const [command, flag, duration, text] of [
        ["create", "--expires", "999999999d", "at most 36500 days"],
        ["create", "--expires", "1.5ms", "whole milliseconds"],
        ["rotate", "--expires", "999999999d", "at most 36500 days"],
        ["rotate", "--overlap", "1.5ms", "whole milliseconds"]
      ] as const) {
        const before = readFileSync(file, "utf8")
        const name = command === "create" ? "other" : "kept"
        const { code, stderr, stdout } = yield* token(file, command, "--name", name, flag, duration)
        assert.deepStrictEqual([code, stdout], [2, ""])
        assert.include(stderr, text)
        assert.strictEqual(readFileSync(file, "utf8"), before)
      }
      // A token that could be used for as long as dates go: another that is as good for as long goes beyond them.
      const list = JSON.parse(readFileSync(file, "utf8"))
      Object.assign(list.tokens[0], { createdAt: 0, expiresAt: 8.64e15 })
      const before = JSON.stringify(list)
      writeFileSync(file, before)
      const rotated = yield* token(file, "rotate", "--name", "kept")
      assert.deepStrictEqual([rotated.code, rotated.stdout], [2, ""])
      assert.include(rotated.stderr, "nothing was written")
      assert.include(rotated.stderr, "expiresAt")
      assert.strictEqual(readFileSync(file, "utf8"), before)
      assert.deepStrictEqual(yield* namesIn(file), ["kept"])
    }).pipe(Effect.scoped)
  )
})

const isLink = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true

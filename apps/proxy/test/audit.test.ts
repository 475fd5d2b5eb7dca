/**
 * What became of tokens, in the audit log.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import { hasRedis } from "@hb-sessions/redis/Redis"
import { assert, describe, it } from "@effect/vitest"
import { Console, Effect, Logger, Redacted } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs"
import { userInfo } from "node:os"
import { join } from "node:path"
import * as AuditLog from "../src/access/AuditLog.ts"
import { generate, type TokenRecord } from "../src/access/Token.ts"
import * as ExpiryAudit from "../src/operations/ExpiryAudit.ts"
import * as RedisLink from "../src/redis/RedisLink.ts"
import * as InProcess from "./support/InProcess.ts"
import { bin, createToken, directory, eventually, get, token } from "./support/Proxy.ts"
import { redis } from "./support/Replicas.ts"
import { upstream } from "./support/Upstream.ts"

interface Line {
  readonly time: string
  readonly type: string
  readonly action: string
  readonly actor: { readonly user?: string; readonly uid?: number }
  readonly token: { readonly id: string; readonly name: string }
  readonly [key: string]: unknown
}

const parse = (text: string): ReadonlyArray<Line> =>
  text
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))

const read = (file: string) => (existsSync(file) ? parse(readFileSync(file, "utf8")) : [])

const actions = (file: string) => read(file).map(({ action, token: { name } }) => `${action} ${name}`)

const places = Effect.map(directory, (root) => ({
  root,
  tokensFile: join(root, "tokens.json"),
  log: join(root, "audit.log")
}))

/** What a command says, but for what may keep a server from reading the tokens. */
const saidIn = (stderr: string): ReadonlyArray<string> =>
  stderr
    .trim()
    .split("\n")
    .filter((line) => !line.startsWith("warning: "))

const recordsIn = (tokensFile: string): ReadonlyArray<TokenRecord> =>
  JSON.parse(readFileSync(tokensFile, "utf8")).tokens

describe("the commands of tokens", () => {
  it.live("tell who did what, to which token with which rights, and never the token", () =>
    Effect.gen(function* () {
      const { log, tokensFile } = yield* places
      const run = (...args: ReadonlyArray<string>) =>
        Effect.tap(token(tokensFile, ...args, "--audit-log", log), ({ code, stderr }) =>
          Effect.sync(() => assert.strictEqual(code, 0, stderr))
        )
      const rights = ["--account", "team-a", "--statuses", 'closed,"err\nor"', "--rate", "5", "--expires", "1d"]
      const made = yield* run("create", "--name", "ci", ...rights)
      assert.strictEqual(statSync(log).mode & 0o777, 0o600)
      const first = yield* run("rotate", "--name", "ci", "--overlap", "1h")
      const second = yield* run("rotate", "--name", "ci")
      // As a log is rotated.
      renameSync(log, `${log}.1`)
      yield* run("revoke", "--name", "ci")
      const lines = [...read(`${log}.1`), ...read(log)]
      const [one = "", two = "", three = ""] = recordsIn(tokensFile).map(({ id }) => id)
      const { uid, username } = userInfo()
      const common = {
        type: "audit",
        actor: { user: username, uid },
        account: "team-a",
        scopes: ["read"],
        statuses: ["closed", '"err\nor"'],
        rate: 5
      }
      assert.deepStrictEqual(
        lines.map(({ expires, replacedUntil, time, ...rest }): Record<string, unknown> => {
          assert.closeTo(Date.parse(time), Date.now(), 60_000)
          assert.closeTo(Date.parse(String(expires)), Date.now() + 86_400_000, 60_000)
          if (replacedUntil === undefined) return rest
          const overlap = Date.parse(String(replacedUntil)) - Date.now()
          return { ...rest, overlap: Math.abs(Math.round(overlap / 3_600_000)) }
        }),
        [
          { ...common, action: "create", token: { id: one, name: "ci" } },
          { ...common, action: "rotate", token: { id: two, name: "ci" }, replaces: [one], overlap: 1 },
          { ...common, action: "rotate", token: { id: three, name: "ci" }, replaces: [one, two], overlap: 0 },
          { ...common, action: "revoke", token: { id: three, name: "ci" } }
        ]
      )
      const all = JSON.stringify(lines)
      for (const { stdout } of [made, first, second]) {
        assert.match(stdout, /^hbs_/)
        assert.notInclude(all, stdout.trim().slice(-43))
      }
      for (const { sha256 } of recordsIn(tokensFile)) assert.notInclude(all, sha256)
    }).pipe(Effect.scoped)
  )

  it.live("tell it on stderr without a file, and tell nothing of what did not happen", () =>
    Effect.gen(function* () {
      const { log, tokensFile } = yield* places
      const { stderr, stdout } = yield* token(tokensFile, "create", "--name", "a")
      const [line = "", told] = saidIn(stderr)
      assert.deepStrictEqual(JSON.parse(line).action, "create")
      assert.include(told, "save it now")
      assert.notInclude(stderr, stdout.trim().slice(-43))
      for (const args of [
        ["create", "--name", "a"],
        ["rotate", "--name", "b"],
        ["revoke", "--name", "b"]
      ]) {
        assert.notStrictEqual((yield* token(tokensFile, ...args, "--audit-log", log)).code, 0)
      }
      assert.isFalse(existsSync(log))
    }).pipe(Effect.scoped)
  )

  it.live("make no token that cannot be told of; a revocation is made, and the command fails with its line", (test) =>
    Effect.gen(function* () {
      const { log, root, tokensFile } = yield* places
      yield* createToken(tokensFile, "a")
      const at = (name: string) => join(root, name)
      mkdirSync(at("directory"))
      execFileSync("mkfifo", [at("fifo")])
      const before = readFileSync(tokensFile, "utf8")
      const odd = [
        [at("missing/log"), "its directory does not exist; make it first"],
        [at("directory"), "it is not a regular file; give another path"],
        [at("fifo"), "it is not a regular file; give another path"]
      ] as const
      for (const [file, said] of odd) {
        for (const args of [
          ["create", "--name", "b"],
          ["rotate", "--name", "a"]
        ]) {
          const { code, stderr, stdout } = yield* token(tokensFile, ...args, "--audit-log", file)
          assert.deepStrictEqual([code, stdout], [1, ""], stderr)
          assert.strictEqual(stderr, `hb-sessions-proxy: audit log ${file}: ${said}\n`)
        }
      }
      assert.strictEqual((yield* token(tokensFile, "create", "--name", "b", "--audit-log", "")).code, 2)
      assert.strictEqual(readFileSync(tokensFile, "utf8"), before)
      const { code, stderr } = yield* token(tokensFile, "revoke", "--name", "a", "--audit-log", at("fifo"))
      const [revoked, line = "", problem] = saidIn(stderr)
      assert.strictEqual(code, 1)
      assert.match(revoked ?? "", /^revoked /)
      assert.strictEqual(JSON.parse(line).action, "revoke")
      assert.include(problem, "the change was made, but is not in the audit log; add the line above")
      assert.isDefined(recordsIn(tokensFile)[0]?.revokedAt)
      if (spawnSync("strace", ["-f", "-qq", "-e", "trace=none", "true"]).status !== 0) {
        return test.skip("strace is not installed, or may not trace")
      }
      writeFileSync(log, "")
      const args = ["token", "create", "--name", "full", "--tokens-file", tokensFile, "--audit-log", log]
      const inject = ["-P", log, "-e", "trace=write,pwrite64", "-e", "inject=write,pwrite64:error=ENOSPC"]
      const full = spawnSync("strace", ["-f", "-qq", "-o", "/dev/null", ...inject, process.execPath, bin, ...args], {
        encoding: "utf8"
      })
      assert.deepStrictEqual([full.status, full.stdout], [1, ""], full.stderr)
      assert.include(full.stderr, `audit log ${log}: the disk is full; make room`)
      assert.lengthOf(recordsIn(tokensFile), 1)
    }).pipe(Effect.scoped)
  )

  it.live("say of a change that failed after it was announced that it did", () =>
    Effect.gen(function* () {
      const { log } = yield* places
      // A line without an end, as a full disk leaves it.
      writeFileSync(log, '{"half')
      const event = (name: string): AuditLog.AuditEvent => ({
        action: "create",
        record: generate({ name, scopes: ["read"], createdAt: 0 }).record
      })
      const [a, b] = [event("a"), event("b")]
      const problem = new AppError({ message: "no", exitCode: 1 })
      const failing = AuditLog.announced({ file: log, isNeeded: true }, (announce) =>
        announce([a]).pipe(Effect.andThen(announce([a])), Effect.andThen(announce([b])), Effect.andThen(problem))
      )
      assert.deepStrictEqual(yield* Effect.flip(failing), problem)
      const [half, ...rest] = readFileSync(log, "utf8").trim().split("\n")
      assert.strictEqual(half, '{"half')
      assert.deepStrictEqual(
        parse(rest.join("\n")).map((line) => `${line.action} ${line.token.name}`),
        ["create a", "create-failed a", "create b", "create-failed b"]
      )
    }).pipe(Effect.scoped)
  )
})

describe("an expiry", () => {
  const soon = (name: string, more: Partial<TokenRecord> = {}) =>
    generate({ name, scopes: ["read"], createdAt: 0, expiresAt: Date.now() + 300, ...more }).record

  const until = (log: string, count: number) =>
    eventually(
      Effect.sync(() => actions(log)),
      (found) => found.length >= count
    )

  it.live("is told once, by one of the servers with the same log, also of what expired while there was none", () =>
    Effect.gen(function* () {
      const { log } = yield* places
      const records = [
        soon("a"),
        soon("rotated", { expiresAt: Date.now() + 1e9, overlapUntil: Date.now() + 300 }),
        soon("revoked", { revokedAt: 1 }),
        soon("before", { expiresAt: Date.now() - 1000 }),
        soon("later", { expiresAt: Date.now() + 1e9 })
      ]
      const watch = ExpiryAudit.watch({ file: log, link: undefined, records: () => records })
      yield* Effect.gen(function* () {
        yield* watch
        yield* watch
        yield* until(log, 2)
        yield* Effect.sleep("1500 millis")
      }).pipe(Effect.scoped)
      assert.deepStrictEqual(actions(log), ["expire a", "expire rotated"])
      records.push(soon("meanwhile", { expiresAt: Date.now() + 1 }))
      yield* Effect.sleep("10 millis")
      yield* Effect.scoped(Effect.andThen(watch, until(log, 3)))
      assert.deepStrictEqual(actions(log), ["expire a", "expire rotated", "expire meanwhile"])
      assert.strictEqual(statSync(`${log}.until`).mode & 0o777, 0o600)
    }).pipe(Effect.scoped)
  )

  it.live("that cannot be told is counted and told of once, and written later", () =>
    Effect.gen(function* () {
      const { root } = yield* places
      const log = join(root, "logs", "audit.log")
      mkdirSync(join(root, "logs"))
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      yield* Effect.gen(function* () {
        const record = soon("a")
        yield* ExpiryAudit.watch({ file: log, link: undefined, records: () => [record] })
        renameSync(join(root, "logs"), join(root, "away"))
        yield* eventually(
          Effect.sync(() => lines.length),
          (count) => count > 0
        )
        yield* Effect.sleep("1500 millis")
        assert.lengthOf(lines, 1)
        assert.include(lines[0], "its directory does not exist; make it first")
        renameSync(join(root, "away"), join(root, "logs"))
        yield* until(log, 1)
      }).pipe(Effect.scoped, Effect.provide(Logger.layer([logger])))
      assert.deepStrictEqual(actions(log), ["expire a"])
    }).pipe(Effect.scoped)
  )

  it.live("is told on stderr without a file, by a server whose tokens have ended with it", () =>
    Effect.gen(function* () {
      const { tokensFile } = yield* places
      const said: Array<string> = []
      const spy: Console.Console = { ...globalThis.console, error: (line: string) => void said.push(line) }
      const { url } = yield* upstream((_, response) => void response.end("{}"))
      const secret = yield* createToken(tokensFile, "a", { expiresAt: Date.now() + 1000 })
      const env = { HYPERBROWSER_API_KEY: "hb_some_key", HYPERBROWSER_BASE_URL: url }
      const proxy = yield* InProcess.start({ tokensFile }, env).pipe(Effect.provideService(Console.Console, spy))
      yield* eventually(
        Effect.sync(() => said.length),
        (count) => count > 0
      )
      const { status } = yield* get(`${proxy.url}/api/sessions`, { headers: { "x-api-key": secret } })
      assert.strictEqual(status, 401)
      const [line] = parse(said.join("\n"))
      assert.deepStrictEqual([line?.action, line?.token.name], ["expire", "a"])
      assert.notInclude(said.join("\n"), secret.slice(-43))
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!hasRedis)("is told by one of the replicas that share a Redis", () =>
    Effect.gen(function* () {
      const server = yield* redis()
      const link = yield* RedisLink.make({ url: Effect.succeed(Redacted.make(server.url)), prefix: "p:" })
      const { root } = yield* places
      const logs = [join(root, "one"), join(root, "two")]
      const records = [soon("a"), soon("b")]
      for (const file of logs) yield* ExpiryAudit.watch({ file, link, records: () => records })
      const all = Effect.sync(() => logs.flatMap(actions).toSorted())
      yield* eventually(all, (found) => found.length >= 2)
      yield* Effect.sleep("1500 millis")
      assert.deepStrictEqual(yield* all, ["expire a", "expire b"])
    }).pipe(Effect.scoped)
  )
})

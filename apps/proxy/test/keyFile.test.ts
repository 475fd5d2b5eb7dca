/**
 * The upstream key from a file that is replaced while the proxy runs; and whatever else may stand where a file is named.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import * as OddFiles from "@hb-sessions/app-kit/OddFiles"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import type { IncomingMessage, ServerResponse } from "node:http"
import { join } from "node:path"
import { bin, directory, eventually, get, start } from "./support/Proxy.ts"
import { upstream } from "./support/Upstream.ts"

const NO_CACHE = ["--cache-fresh", "0s", "--cache-stale", "0s", "--cache-error", "0s", "--rate", "0"]

/** A directory as Kubernetes mounts a secret: the key is a link into one that is swapped as a whole. */
const mounted = Effect.map(directory, (root) => {
  let count = 0
  const swap = (key: string) => {
    const version = `..version-${++count}`
    mkdirSync(join(root, version))
    writeFileSync(join(root, version, "key"), `${key}\n`)
    symlinkSync(version, join(root, "..data-new"))
    renameSync(join(root, "..data-new"), join(root, "..data"))
  }
  symlinkSync(join("..data", "key"), join(root, "key"))
  return { file: join(root, "key"), swap }
})

/** An upstream that accepts the keys that it is told to, and counts what was sent with each. */
const accepting = Effect.fnUntraced(function* (
  accepted: Set<string>,
  answer = (_: IncomingMessage, response: ServerResponse): void =>
    void response.end('{"sessions":[],"totalCount":0,"page":1,"pageSize":10}')
) {
  const counts = new Map<string, number>()
  const { url } = yield* upstream((request, response) => {
    const key = String(request.headers["x-api-key"])
    counts.set(key, (counts.get(key) ?? 0) + 1)
    if (accepted.has(key)) return answer(request, response)
    return void response.writeHead(401).end(`{"message":"${key} is not accepted"}`)
  })
  return { url, countOf: (key: string) => counts.get(key) ?? 0 }
})

const serving = (url: string, file: string, args: ReadonlyArray<string> = NO_CACHE) =>
  // The variable of the key is empty, as where a chart of Kubernetes sets both.
  start({ url, apiKey: "" }, args, { HYPERBROWSER_API_KEY_FILE: file })

describe("HYPERBROWSER_API_KEY_FILE", () => {
  it.live(
    "is swapped under load without a lost request, whether the key before is accepted for a while or not",
    () =>
      Effect.gen(function* () {
        const accepted = new Set(["hb_first_key"])
        const { countOf, url } = yield* accepting(accepted)
        const { file, swap } = yield* mounted
        swap("hb_first_key")
        const proxy = yield* serving(url, file, [...NO_CACHE, "--upstream-rate", "0"])
        const statuses: Array<number> = []
        const client = Effect.forever(
          Effect.suspend(() =>
            get(`${proxy.url}/api/sessions?page=${statuses.length + 1}`, { headers: proxy.auth })
          ).pipe(Effect.map(({ status }) => void statuses.push(status)))
        )
        const clients = yield* Effect.forEach(Array.from({ length: 8 }), () => Effect.forkChild(client))
        const answered = (count: number) => {
          const before = statuses.length
          return eventually(
            Effect.sync(() => statuses.length),
            (now) => now >= before + count
          )
        }
        yield* answered(100)
        swap("hb_second_key")
        accepted.add("hb_second_key")
        yield* eventually(
          Effect.sync(() => countOf("hb_second_key")),
          (count) => count > 0
        )
        accepted.delete("hb_first_key")
        yield* answered(100)
        const ofFirst = countOf("hb_first_key")
        // At once: what was sent with the key before is sent again.
        swap("hb_third_key")
        accepted.clear()
        accepted.add("hb_third_key")
        yield* answered(200)
        yield* Effect.forEach(clients, Fiber.interrupt)
        assert.deepStrictEqual([...new Set(statuses)], [200])
        assert.strictEqual(countOf("hb_first_key"), ofFirst)
        // Clients that ask for the same page at the same time share a request.
        assert.isAbove(countOf("hb_third_key"), 200 / 8 - 8)
        const { stderr } = yield* proxy.stop("SIGTERM")
        assert.strictEqual(stderr.split("holds another API key now").length - 1, 2)
        assert.notMatch(stderr, /hb_(?:first|second|third)_key/)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("is hidden, the keys before it too", () =>
    Effect.gen(function* () {
      const keys = ["hb_first_key", "hb_second_key", "hb_third_key"]
      const accepted = new Set<string>(keys)
      let text = ""
      const { countOf, url } = yield* accepting(accepted, ({ url: asked = "" }, response: ServerResponse) => {
        if (asked.includes("page=400")) response.statusCode = 400
        response.end(JSON.stringify({ sessions: [], message: `it is ${text}` }))
      })
      const { file, swap } = yield* mounted
      swap("hb_first_key")
      const proxy = yield* serving(url, file)
      const ask = (page: number) => get(`${proxy.url}/api/sessions?page=${page}`, { headers: proxy.auth })
      for (const key of keys) {
        swap(key)
        yield* eventually(
          Effect.andThen(
            ask(1),
            Effect.sync(() => countOf(key))
          ),
          (count) => count > 0
        )
      }
      for (text of keys) {
        const page = yield* ask(1)
        assert.strictEqual(page.status, 502)
        const problem = yield* ask(400)
        assert.strictEqual(problem.status, 400)
        assert.notMatch(page.text + problem.text, /hb_\w+_key/)
      }
      accepted.clear()
      assert.strictEqual((yield* ask(2)).status, 502)
      const { stderr } = yield* proxy.stop("SIGTERM")
      assert.notMatch(stderr, /hb_\w+_key/)
      assert.include(stderr, `the upstream rejected the API key; check HYPERBROWSER_API_KEY_FILE (${file})`)
    }).pipe(Effect.scoped)
  )

  it.live("that has gone leaves its key in use, which is told once, and is read when it is back", () =>
    Effect.gen(function* () {
      const { countOf, url } = yield* accepting(new Set(["hb_first_key", "hb_second_key"]))
      const { file, swap } = yield* mounted
      swap("hb_first_key")
      const proxy = yield* serving(url, file)
      let log = ""
      proxy.process.stderr?.setEncoding("utf8").on("data", (line: string) => (log += line))
      const ask = Effect.map(get(`${proxy.url}/api/sessions`, { headers: proxy.auth }), ({ status }) =>
        assert.strictEqual(status, 200)
      )
      yield* ask
      renameSync(file, `${file}.away`)
      yield* eventually(
        Effect.andThen(
          ask,
          Effect.sync(() => log)
        ),
        (text) => text.includes("stays in use")
      )
      mkdirSync(file)
      yield* Effect.andThen(Effect.sleep("1100 millis"), ask)
      rmSync(file, { recursive: true })
      renameSync(`${file}.away`, file)
      yield* eventually(
        Effect.andThen(
          ask,
          Effect.sync(() => log)
        ),
        (text) => text.includes("can be read again")
      )
      swap("hb_second_key")
      yield* eventually(
        Effect.andThen(
          ask,
          Effect.sync(() => countOf("hb_second_key"))
        ),
        (count) => count > 0
      )
      yield* proxy.stop("SIGTERM")
      assert.lengthOf(log.split("stays in use"), 2)
    }).pipe(Effect.scoped)
  )

  it.live("on a file system that hangs holds one request up, for two seconds", (test) =>
    Effect.gen(function* () {
      if (spawnSync("strace", ["-f", "-qq", "-e", "trace=none", "true"]).status !== 0) {
        return test.skip("strace is not installed, or may not trace")
      }
      const { url } = yield* accepting(new Set(["hb_first_key"]))
      const root = yield* directory
      const file = join(root, "key")
      writeFileSync(file, "hb_first_key")
      // Opening it takes half an hour, but for the first time of each thread.
      const slow = ["-f", "-qq", "-o", join(root, "trace"), "-P", file, "-e", "trace=openat"]
      const inject = ["-e", "inject=openat:delay_enter=1800s:when=2+"]
      const args = [bin, "serve", "--port", "0", "--admin-port", "0", "--without-tokens", ...NO_CACHE]
      const proxy = yield* Effect.acquireRelease(
        Effect.sync(() => {
          const child = spawn("strace", [...slow, ...inject, process.execPath, ...args], {
            // A group of its own: what strace runs would outlive it.
            detached: true,
            env: { PATH: process.env["PATH"], HYPERBROWSER_API_KEY_FILE: file, HYPERBROWSER_BASE_URL: url }
          })
          const output = { stdout: "", stderr: "" }
          child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text))
          child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text))
          return { child, output, closed: once(child, "close") }
        }),
        ({ child, closed }) =>
          Effect.promise(async () => {
            process.kill(-(child.pid ?? 0), "SIGKILL")
            await closed
          })
      )
      const { stdout } = yield* eventually(
        Effect.sync(() => proxy.output),
        (output) => output.stdout.includes("\n")
      )
      const { url: address } = JSON.parse(stdout) as { readonly url: string }
      const ask = Effect.map(get(`${address}/api/sessions`), ({ status }) => assert.strictEqual(status, 200))
      const problem = "its file system does not answer; the API key read before stays in use"
      yield* eventually(Effect.as(ask, proxy.output), ({ stderr }) => stderr.includes(problem))
      for (let n = 0; n < 20; n++) yield* ask
      assert.lengthOf(proxy.output.stderr.split(problem), 2)
      const opened = readFileSync(join(root, "trace"), "utf8").trim().split("\n")
      assert.lengthOf(
        opened.filter((line) => !line.includes(" = ")),
        1
      )
    }).pipe(Effect.scoped)
  )

  it.live("cannot be given beside HYPERBROWSER_API_KEY, nor name what holds no key", () =>
    Effect.gen(function* () {
      const root = yield* directory
      const key = join(root, "key")
      const failed = Effect.fnUntraced(function* (env: Bin.Env, user?: Bin.User) {
        const { code, stderr } = yield* Bin.run(bin, ["serve", "--port", "0", "--without-tokens"], env, user)
        assert.match(stderr, /^[^\n]+\n$/)
        return [code, stderr] as const
      })
      const [missing, text] = yield* failed({ HYPERBROWSER_API_KEY_FILE: key })
      assert.strictEqual(missing, 3)
      assert.include(text, `HYPERBROWSER_API_KEY_FILE: ${key}: it does not exist; write a key from`)
      const [both, twice] = yield* failed({ HYPERBROWSER_API_KEY_FILE: key, HYPERBROWSER_API_KEY: "key" })
      assert.strictEqual(both, 2)
      assert.include(twice, "both HYPERBROWSER_API_KEY and HYPERBROWSER_API_KEY_FILE are set")
      for (const { path, problem, user } of OddFiles.make(root)) {
        const [code, stderr] = yield* failed({ HYPERBROWSER_API_KEY_FILE: path }, user)
        assert.strictEqual(code, 2, stderr)
        assert.include(stderr, `HYPERBROWSER_API_KEY_FILE: ${path}: ${problem}; `)
      }
    }).pipe(Effect.scoped)
  )
})

describe("--tokens-file", () => {
  it.live("rejects at once what is no file, and leaves it as it is", () =>
    Effect.gen(function* () {
      const root = yield* directory
      const odd = OddFiles.make(root)
      const before = readdirSync(root)
      for (const { path, problem, user } of odd) {
        const failed = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
          const env = { HYPERBROWSER_API_KEY: "key" }
          const { code, stderr } = yield* Bin.run(bin, [...args, "--tokens-file", path], env, user)
          assert.match(stderr, /^[^\n]+\n$/)
          assert.include([2, 3], code, stderr)
          return stderr
        })
        assert.include(yield* failed("token", "list"), `tokens file ${path}: ${problem}`)
        if (!/fifo|zero|unreadable/.test(path)) continue
        assert.include(yield* failed("serve", "--port", "0"), `tokens file ${path}: ${problem}`)
        assert.include(yield* failed("token", "create", "--name", "a"), path)
      }
      assert.deepStrictEqual(readdirSync(root), before)
    }).pipe(Effect.scoped)
  )
})

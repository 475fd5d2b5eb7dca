/**
 * The built proxy on a Unix socket.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import { connect } from "node:net"
import { join } from "node:path"
import { bin, createToken, directory, get, type Upstream } from "./support/Proxy.ts"

interface Answer {
  readonly status: number
  readonly text: string
  readonly trailers: Readonly<Record<string, string | undefined>>
  /** Whether the answer came to its end. */
  readonly isComplete: boolean
}

/** Asks over a socket. */
const ask = (socketPath: string, path: string, headers: Readonly<Record<string, string>> = {}) =>
  Effect.callback<Answer, Error>((resume) => {
    const asked = request({ socketPath, path, headers }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (part: string) => (text += part))
      response.on("error", () => {})
      response.on("close", () =>
        resume(
          Effect.succeed({
            status: response.statusCode ?? 0,
            text,
            trailers: response.trailers,
            isComplete: response.complete
          })
        )
      )
    })
    asked.on("error", (error) => resume(Effect.fail(error)))
    asked.end()
  })

/** Starts a proxy with a socket in a directory of its own. */
const setup = Effect.fnUntraced(function* (upstream: Upstream, ...args: ReadonlyArray<string>) {
  const root = yield* directory
  const tokensFile = join(root, "tokens.json")
  const token = yield* createToken(tokensFile, "test")
  const socket = join(root, "proxy.sock")
  const env = {
    HYPERBROWSER_API_KEY: upstream.apiKey,
    HYPERBROWSER_BASE_URL: upstream.url,
    HB_SESSIONS_PROXY_DRAIN: "0s",
    HB_SESSIONS_PROXY_PORT: "none",
    HB_SESSIONS_PROXY_TOKENS_FILE: tokensFile
  }
  const command = (path: string, ...rest: ReadonlyArray<string>) => ["serve", "--socket", path, ...args, ...rest]
  const serve = (path = socket, ...rest: ReadonlyArray<string>) =>
    Effect.map(Bin.start(bin, command(path, ...rest), env), (started) => ({
      ...started,
      ...(JSON.parse(started.firstLine) as { url?: string; adminUrl: string; socket?: string })
    }))
  const fails = (path: string, ...rest: ReadonlyArray<string>) => Bin.run(bin, command(path, ...rest), env)
  return { root, socket, serve, fails, auth: { "x-api-key": token } }
})

layer(Simulator.layer({ sessions: 45, seed: "socket" }), { excludeTestServices: true })("a Unix socket", (it) => {
  it.effect("serves what a port serves, to those who may write to it, and is gone in the end", () =>
    Effect.gen(function* () {
      const { auth, serve, socket } = yield* setup(yield* Simulator, "--trusted-proxies", "unix")
      const proxy = yield* serve()
      assert.deepStrictEqual([proxy.url, proxy.socket], [undefined, socket])
      assert.strictEqual(lstatSync(socket).mode & 0o777, 0o660)
      assert.strictEqual((yield* get(`${proxy.adminUrl}/readyz`)).status, 200)
      assert.strictEqual((yield* ask(socket, "/api/sessions")).status, 401)
      const page = yield* ask(socket, "/api/sessions?page=2", auth)
      assert.lengthOf(JSON.parse(page.text).sessions, 10)
      const list = yield* ask(socket, "/v1/sessions.csv", { ...auth, "x-forwarded-for": "6.6.6.6, 192.0.2.1" })
      assert.lengthOf(list.text.trim().split("\r\n"), 46)
      assert.match(list.trailers["hb-sessions-completeness"] ?? "", /^proven/)
      assert.include((yield* get(`${proxy.adminUrl}/metrics`)).text, "hb_sessions_proxy_connections")
      const { code, stderr } = yield* proxy.stop("SIGTERM")
      assert.strictEqual(code, 0, stderr)
      assert.isFalse(existsSync(socket))
      assert.deepStrictEqual(
        stderr
          .trim()
          .split("\n")
          .map((line) => String(JSON.parse(line).address)),
        ["unix", "unix", "192.0.2.1"]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("serves beside a port, with the permissions that it is given", () =>
    Effect.gen(function* () {
      const { auth, serve, socket } = yield* setup(yield* Simulator)
      const proxy = yield* serve(socket, "--port", "0", "--socket-mode", "600")
      assert.strictEqual(lstatSync(socket).mode & 0o777, 0o600)
      assert.strictEqual((yield* get(`${proxy.url}/api/sessions`, { headers: auth })).status, 200)
      assert.strictEqual((yield* ask(socket, "/api/sessions", auth)).status, 200)
    }).pipe(Effect.scoped)
  )

  it.effect("of a process that was killed is replaced, by one process; that of one that runs is not", () =>
    Effect.gen(function* () {
      const { auth, fails, root, serve, socket } = yield* setup(yield* Simulator)
      const first = yield* serve()
      const second = yield* fails(socket)
      assert.deepStrictEqual([second.code, second.stderr.trim().split("\n").length], [1, 1])
      assert.include(second.stderr, `--socket ${socket}: another process listens on it`)
      assert.strictEqual((yield* ask(socket, "/api/sessions", auth)).status, 200)
      yield* first.stop("SIGKILL")
      assert.isTrue(existsSync(socket))
      const both = yield* Effect.all([Effect.exit(serve()), Effect.exit(serve())], { concurrency: 2 })
      assert.deepStrictEqual(both.map(({ _tag }) => _tag).toSorted(), ["Failure", "Success"])
      assert.strictEqual((yield* ask(socket, "/api/sessions", auth)).status, 200)
      assert.deepStrictEqual(readdirSync(root).toSorted(), ["proxy.sock", "tokens.json"])
    }).pipe(Effect.scoped)
  )

  it.effect("is not made where something else is, or cannot be, which is left as it is", () =>
    Effect.gen(function* () {
      const { auth, fails, root, serve } = yield* setup(yield* Simulator)
      const at = (name: string) => join(root, name)
      writeFileSync(at("file"), "kept")
      mkdirSync(at("directory"))
      execFileSync("mkfifo", [at("fifo")])
      symlinkSync("file", at("link"))
      const longest = join(root, "s".repeat(107 - root.length - 1))
      const before = readdirSync(root).toSorted()
      for (const [path, said] of [
        [at("file"), "there is something else, which is no socket"],
        [at("directory"), "there is something else, which is no socket"],
        [at("fifo"), "there is something else, which is no socket"],
        [at("link"), "there is something else, which is no socket"],
        [at("missing/s"), `${at("missing/s")}: its directory does not exist; make it first`],
        [at("file/s"), "its directory does not exist; make it first"],
        [`${longest}s`, "the path has 108 bytes, and a socket's may have 107"],
        ["", "--socket is empty"]
      ] as const) {
        const { code, stderr } = yield* fails(path)
        assert.deepStrictEqual([code, stderr.trim().split("\n").length], [2, 1], stderr)
        assert.include(stderr, said)
      }
      const none = yield* Bin.run(bin, ["serve", "--port", "none", "--tokens-file", at("tokens.json")], {
        HYPERBROWSER_API_KEY: "key"
      })
      assert.deepStrictEqual([none.code, none.stderr.includes("give --socket too")], [2, true], none.stderr)
      for (const mode of ["0x60", "888", "1777", "rw"]) {
        const { code, stderr } = yield* fails(at("s"), "--socket-mode", mode)
        assert.deepStrictEqual([code, stderr.includes("permissions in octal digits")], [2, true], stderr)
      }
      assert.deepStrictEqual(readdirSync(root).toSorted(), before)
      yield* serve(longest)
      assert.strictEqual((yield* ask(longest, "/api/sessions", auth)).status, 200)
    }).pipe(Effect.scoped)
  )
})

layer(Simulator.layer({ sessions: 2000, seed: "cut", latency: "50 millis" }), { excludeTestServices: true })(
  "a list over a Unix socket",
  (it) => {
    it.effect("that is cut never looks complete", () =>
      Effect.gen(function* () {
        const { auth, serve, socket } = yield* setup(
          yield* Simulator,
          "--read-timeout",
          "300ms",
          "--upstream-rate",
          "0"
        )
        const proxy = yield* serve()
        const list = yield* ask(socket, "/v1/sessions.csv", auth)
        assert.deepStrictEqual([list.status, list.isComplete], [200, false])
        // Here an end is an end.
        const old = yield* Effect.promise(
          () =>
            new Promise<string>((resolve) => {
              let text = ""
              const client = connect(socket).setEncoding("utf8")
              client.on("data", (part: string) => (text += part))
              client.on("close", () => resolve(text))
              client.write(`GET /v1/sessions.csv HTTP/1.0\r\nx-api-key: ${auth["x-api-key"]}\r\n\r\n`)
            })
        )
        assert.match(old, /^HTTP\/1\.1 505 /)
        assert.include(old, "http-version-not-supported")
        yield* proxy.stop("SIGTERM")
      }).pipe(Effect.scoped)
    )
  }
)

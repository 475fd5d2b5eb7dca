/**
 * The API key from a file, and whatever else may stand where a file is read.
 */
import * as OddFiles from "@hb-sessions/app-kit/OddFiles"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import type { RequestListener } from "node:http"
import { dirname, join } from "node:path"
import { bin, KEY, run, runInstalled, scratch, withServer } from "./Cli.ts"

layer(Simulator.layer({ sessions: 5, apiKey: KEY }), { excludeTestServices: true })(
  "HYPERBROWSER_API_KEY_FILE",
  (it) => {
    const withFile = Effect.map(Simulator, ({ url }) => {
      const root = scratch()
      const file = join(root, "key")
      writeFileSync(file, `${KEY}\n`)
      return { file, root, env: { XDG_CONFIG_HOME: root, HYPERBROWSER_BASE_URL: url, HYPERBROWSER_API_KEY_FILE: file } }
    })

    it.effect("is the key, before a stored one, and auth and doctor say so", () =>
      Effect.gen(function* () {
        const { env, file } = yield* withFile
        const listed = yield* run(["list", "--all", "--format", "ndjson"], { env })
        assert.deepStrictEqual([listed.code, listed.stdout.trim().split("\n").length], [0, 5])
        const name = `HYPERBROWSER_API_KEY_FILE (${file})`
        assert.include((yield* run(["auth", "status"], { env })).stdout, `the key (from ${name}) is accepted`)
        const doctor = yield* run(["doctor"], { env })
        assert.include(doctor.stdout, `ok    api key                  set (environment ${name})\n`)
        for (const { stderr, stdout } of [listed, doctor]) assert.notInclude(stdout + stderr, KEY)
        const logout = yield* run(["auth", "logout"], { env })
        assert.include(logout.stderr, "HYPERBROWSER_API_KEY_FILE is still set in the environment\n")
        yield* run(["auth", "login", "--skip-check"], { env, stdin: "stored" })
        assert.strictEqual((yield* run(["list"], { env })).code, 0)
      })
    )

    it.effect("is no key where it cannot be used, which is one line; doctor says it beside all else", () =>
      Effect.gen(function* () {
        const { env, file } = yield* withFile
        const failed = Effect.fnUntraced(function* (code: number, more: Readonly<Record<string, string>> = {}) {
          const found = yield* run(["list"], { env: { ...env, ...more } })
          assert.strictEqual(found.code, code, found.stderr)
          assert.match(found.stderr, /^[^\n]+\n$/)
          return found.stderr
        })
        const both = "both HYPERBROWSER_API_KEY and HYPERBROWSER_API_KEY_FILE are set"
        assert.include(yield* failed(2, { HYPERBROWSER_API_KEY: KEY }), both)
        writeFileSync(file, "")
        assert.include(yield* failed(2), `HYPERBROWSER_API_KEY_FILE: ${file}: it is empty`)
        const doctor = yield* run(["doctor"], { env })
        assert.strictEqual(doctor.code, 2)
        assert.include(doctor.stdout, `fail  api key                  HYPERBROWSER_API_KEY_FILE: ${file}: it is empty`)
        rmSync(file)
        assert.include(yield* failed(3), `HYPERBROWSER_API_KEY_FILE: ${file}: it does not exist`)
        execFileSync("mkfifo", [file])
        assert.include(yield* failed(2), `HYPERBROWSER_API_KEY_FILE: ${file}: it is a FIFO, not a file`)
      })
    )

    it.effect("that has changed since is used when the key is rejected in the middle of a read", () =>
      Effect.gen(function* () {
        const { env, file } = yield* withFile
        let accepted = KEY
        const keys: Array<string> = []
        const answer: RequestListener = (request, response) => {
          const page = Number(new URL(request.url ?? "", "http://localhost").searchParams.get("page"))
          if (page === 2 && accepted === KEY) {
            accepted = "hb_new_key"
            writeFileSync(file, accepted)
          }
          const key = String(request.headers["x-api-key"])
          keys.push(key)
          if (key !== accepted) return void response.writeHead(401).end("{}")
          const sessions = page > 2 ? [] : [{ id: `a${page}`, createdAt: `2026-01-0${3 - page}T00:00:00Z` }]
          return void response.end(JSON.stringify({ sessions, totalCount: 2, page, pageSize: 1 }))
        }
        yield* withServer(answer, ({ HYPERBROWSER_BASE_URL = "" }) =>
          Effect.gen(function* () {
            const args = ["list", "--all", "--format", "ndjson", "--columns", "id", "--concurrency", "1"]
            const at = { ...env, HYPERBROWSER_BASE_URL }
            const quiet = yield* run(args, { env: at })
            assert.deepStrictEqual([quiet.code, quiet.stdout], [0, '{"id":"a1"}\n{"id":"a2"}\n'], quiet.stderr)
            assert.deepStrictEqual([...new Set(keys)], [KEY, "hb_new_key"])
            assert.notInclude(quiet.stderr, "another API key")
            accepted = KEY
            writeFileSync(file, KEY)
            const verbose = yield* run([...args, "--verbose"], { env: at })
            assert.include(
              verbose.stderr,
              `HYPERBROWSER_API_KEY_FILE: ${file} holds another API key now, which is used\n`
            )
            assert.strictEqual(verbose.stdout, quiet.stdout)
            assert.notMatch(verbose.stderr, /hb_new_key|canary/)
          })
        )
      })
    )
  }
)

layer(Simulator.layer({ sessions: 5, apiKey: KEY }), { excludeTestServices: true })("what is no file", (it) => {
  it.effect("is rejected at once in the place of the settings and of the stored keys", () =>
    Effect.gen(function* () {
      for (const name of ["config.toml", "credentials.toml"]) {
        const root = scratch()
        const file = join(root, "hb-sessions", name)
        mkdirSync(join(root, "hb-sessions"))
        for (const [program, args, problem] of [
          ["mkdir", [], "it is a directory, not a file"],
          ["mkfifo", [], "it is a FIFO, not a file"],
          ...(process.getuid?.() === 0 ? ([["mknod", ["c", "1", "5"], "it is a device, not a file"]] as const) : [])
        ] as const) {
          execFileSync(program, [file, ...args])
          for (const words of program === "mkfifo" ? [["list"], ["config", "list"], ["auth", "logout"]] : [["list"]]) {
            const { code, stderr } = yield* run(words, { env: { XDG_CONFIG_HOME: root } })
            assert.deepStrictEqual(
              [code, stderr],
              [2, `hb-sessions: ${file}: ${problem}; name a file, or put one in its place\n`]
            )
          }
          rmSync(file, { recursive: true })
        }
      }
    })
  )

  it.effect("is rejected at once by --resume-file, and left as it is", () =>
    Effect.gen(function* () {
      const { url } = yield* Simulator
      const root = scratch()
      const env = { XDG_CONFIG_HOME: root, HYPERBROWSER_BASE_URL: url, HYPERBROWSER_API_KEY: KEY }
      // Installed where another user may run it.
      chmodSync(join(dirname(bin), "../.."), 0o755)
      for (const { path, user } of OddFiles.make(root)) {
        const args = ["list", "--all", "--format", "csv", "--resume-file", path]
        const { code, stderr, stdout } = yield* user === undefined
          ? run(args, { env })
          : runInstalled(args, { env, user })
        assert.deepStrictEqual([code, stdout], [2, ""], path)
        assert.match(stderr, /^[^\n]+\n$/)
        assert.include(stderr, `${path} cannot be written: `)
        assert.notInclude(stderr, "FileSystem")
      }
    })
  )
})

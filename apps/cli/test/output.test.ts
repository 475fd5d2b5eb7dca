/**
 * What `--output` and `--svg` do to what stands at a path: regular files are replaced as a whole, with their owner and
 * their mode; everything else is written to; and nothing is asked of the API for what cannot be written.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { createServer } from "node:net"
import { dirname, join } from "node:path"
import { text } from "node:stream/consumers"
import { baseEnv, bin, run, scratch, servesPage, withServer } from "./Cli.ts"

const SESSIONS = ["a", "b", "c"].map((id) => ({ id, status: "closed", createdAt: "2026-01-01T00:00:00Z" }))
const IDS = "a\nb\nc\n"

const isRoot = process.getuid?.() === 0
const OTHER_USER = 65_534
const hasSetpriv = isRoot && spawnSync("setpriv", ["--version"]).status === 0

/** The arguments that write the ids of the sessions, with a header for `read`. */
const to = (file: string) => ["list", "--format", "csv", "--columns", "id", "--output", file]
const read = (content: string) => content.replace(/^id\r\n/, "").replaceAll("\r", "")

/** Serves three sessions and counts the requests. */
const served = <A, E, R>(use: (env: Record<string, string>, requests: () => number) => Effect.Effect<A, E, R>) => {
  let requests = 0
  const page = servesPage(SESSIONS)
  return withServer(
    (request, response) => {
      requests += 1
      return page(request, response)
    },
    (env) => use(env, () => requests)
  )
}

/** Answers page 1 of many, and no other page. */
const stalled = <A, E, R>(use: (env: Record<string, string>) => Effect.Effect<A, E, R>) =>
  withServer((request, response) => {
    if (/page=([^1]|1\d)/.test(request.url ?? "")) return
    response.end(JSON.stringify({ sessions: SESSIONS, totalCount: 300, page: 1, perPage: 3 }))
  }, use)

const launch = (
  args: ReadonlyArray<string>,
  env: Record<string, string>,
  options: { readonly stdio?: ReadonlyArray<"ignore" | "pipe" | number>; readonly prefix?: ReadonlyArray<string> } = {}
) => {
  const [program = "", ...words] = [...(options.prefix ?? []), bin, ...args]
  return spawn(program, words, { env: baseEnv(env), stdio: [...(options.stdio ?? ["ignore", "pipe", "pipe"])] })
}

const exit = async (child: ChildProcess) => {
  const [code, signal] = await once(child, "close")
  return code ?? signal
}

const until = (isSo: () => boolean): Promise<void> =>
  new Promise((done) => {
    const look = () => (isSo() ? done() : setTimeout(look, 5))
    look()
  })

describe("what cannot be written is rejected before the first request", () => {
  const cases: ReadonlyArray<readonly [string, (directory: string) => string, string]> = [
    ["an empty name", () => "", "its name is empty"],
    ["a directory", (directory) => directory, "it is a directory"],
    ["a directory that does not exist", (directory) => join(directory, "no", "where"), "does not exist; make it first"],
    ["a name that ends in a slash", (directory) => `${directory}/new/`, "that names a directory"],
    ["a file in a file", (directory) => join(directory, "file", "x"), "is not a directory"],
    ["a name that is too long", (directory) => join(directory, "x".repeat(300)), "longer than the file system allows"],
    ["links that lead in a circle", (directory) => join(directory, "circle"), "lead in a circle"],
    [
      "a link to nowhere",
      (directory) => join(directory, "nowhere"),
      "a symbolic link, and the directory that it leads"
    ],
    ["a descriptor that is not open", () => "/dev/fd/9999", "descriptor 9999 is not open"],
    ["a socket without a server", (directory) => join(directory, "socket"), "no program listens"]
  ]
  const prepared = () => {
    const directory = scratch()
    writeFileSync(join(directory, "file"), "kept")
    symlinkSync("circle", join(directory, "circle"))
    symlinkSync("no/where", join(directory, "nowhere"))
    // A socket outlives a server that is killed.
    const server = `require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`
    spawnSync(process.execPath, ["-e", server, join(directory, "socket")])
    return directory
  }
  for (const [name, file, problem] of cases) {
    for (const command of name === "a directory" ? (["list", "stats"] as const) : (["list"] as const)) {
      it.live(`${name}, by ${command}`, () =>
        served((env, requests) =>
          Effect.gen(function* () {
            const directory = prepared()
            const before = readdirSync(directory)
            const args = command === "list" ? to(file(directory)) : ["stats", "--svg", file(directory)]
            const { code, stderr, stdout } = yield* run(args, { env })
            assert.deepStrictEqual([code, stdout, requests()], [2, "", 0], stderr)
            assert.match(stderr, /^hb-sessions: [^\n]+ cannot be written: [^\n]+\n$/)
            assert.include(stderr, problem)
            assert.deepStrictEqual(readdirSync(directory), before)
          })
        )
      )
    }
  }

  it.live.skipIf(!hasSetpriv)("what belongs to others, or stands in a directory of others", () =>
    served((env, requests) =>
      Effect.promise(async () => {
        const directory = scratch()
        // The other user must be able to find the program.
        for (let path = directory; path !== "/tmp"; path = dirname(path)) chmodSync(path, 0o755)
        const file = (name: string, mode: number, owner: number) => {
          const path = join(directory, name)
          mkdirSync(dirname(path), { recursive: true })
          writeFileSync(path, "kept")
          chmodSync(path, mode)
          chownSync(path, owner, owner)
          return path
        }
        const open = file("open/theirs", 0o666, 0)
        chmodSync(dirname(open), 0o777)
        const closed = file("closed/mine", 0o600, OTHER_USER)
        const owned = [
          [open, "it belongs to user 0 and group 0"],
          [file("open/readable", 0o644, 0), "this user may not write it"],
          [closed, "may not write in its directory"],
          [join(directory, "closed/new"), "may not write in the directory"],
          [file("open/locked", 0o444, OTHER_USER), "this user may not write it"]
        ] as const
        const prefix = ["setpriv", `--reuid=${OTHER_USER}`, `--regid=${OTHER_USER}`, "--clear-groups"]
        const rejects = async ([path, problem]: readonly [string, string]) => {
          const child = launch(to(path), { ...env, NODE_DISABLE_COMPILE_CACHE: "1" }, { prefix })
          const [code, stderr] = await Promise.all([exit(child), text(child.stderr!)])
          assert.strictEqual(code, 2, stderr)
          assert.include(stderr, problem)
        }
        await Promise.all(owned.map(rejects))
        assert.strictEqual(requests(), 0)
        assert.deepStrictEqual(readdirSync(dirname(open)).toSorted(), ["locked", "readable", "theirs"])
        for (const [path] of owned) if (existsSync(path)) assert.strictEqual(readFileSync(path, "utf8"), "kept")
        const own = file("open/mine", 0o640, OTHER_USER)
        assert.strictEqual(await exit(launch(to(own), env, { prefix })), 0)
        assert.strictEqual(read(readFileSync(own, "utf8")), IDS)
      })
    )
  )
})

describe("a regular file", () => {
  it.live("keeps its mode and, for root, its owner and its group; a new one has the mode of the umask", () =>
    served((env) =>
      Effect.gen(function* () {
        const directory = scratch()
        const file = join(directory, "kept.csv")
        writeFileSync(file, "before")
        chmodSync(file, 0o604)
        if (isRoot) chownSync(file, 1234, 2345)
        const { gid, uid } = statSync(file)
        assert.strictEqual((yield* run(to(file), { env })).code, 0)
        const after = statSync(file)
        assert.deepStrictEqual([after.mode & 0o7777, after.uid, after.gid], [0o604, uid, gid])
        assert.strictEqual(read(readFileSync(file, "utf8")), IDS)
        const fresh = join(directory, "new.csv")
        const shell = ["-c", 'umask 027; exec "$@"', "sh", bin, ...to(fresh)]
        assert.strictEqual(yield* Effect.promise(() => exit(spawn("/bin/sh", shell, { env: baseEnv(env) }))), 0)
        assert.strictEqual(statSync(fresh).mode & 0o7777, 0o640)
        assert.deepStrictEqual(readdirSync(directory).toSorted(), ["kept.csv", "new.csv"])
      })
    )
  )

  it.live("is written through symbolic links, also when it does not exist yet, and with the longest name", () =>
    served((env) =>
      Effect.gen(function* () {
        const directory = scratch()
        mkdirSync(join(directory, "data"))
        writeFileSync(join(directory, "data/old.csv"), "before", { mode: 0o600 })
        symlinkSync("data", join(directory, "folder"))
        symlinkSync("folder/old.csv", join(directory, "one"))
        symlinkSync("one", join(directory, "two"))
        symlinkSync("folder/new.csv", join(directory, "dangling"))
        const long = "x".repeat(255)
        for (const name of ["two", "dangling", long]) {
          const { code, stderr } = yield* run(to(join(directory, name)), { env })
          assert.strictEqual(code, 0, stderr)
        }
        assert.deepStrictEqual(
          ["one", "two", "dangling"].map((name) => readlinkSync(join(directory, name))),
          ["folder/old.csv", "one", "folder/new.csv"]
        )
        for (const name of ["data/old.csv", "data/new.csv", long]) {
          assert.strictEqual(read(readFileSync(join(directory, name), "utf8")), IDS)
        }
        assert.strictEqual(statSync(join(directory, "data/old.csv")).mode & 0o7777, 0o600)
        assert.deepStrictEqual(readdirSync(join(directory, "data")).toSorted(), ["new.csv", "old.csv"])
      })
    )
  )

  const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGALRM", "SIGUSR2", "SIGPIPE"] as const
  it.live(`stays as it was, and nothing beside it, after ${signals.join(", ")}`, () =>
    stalled((env) =>
      Effect.promise(async () => {
        const endedBy = async (signal: (typeof signals)[number]) => {
          const directory = scratch()
          const file = join(directory, "out.csv")
          writeFileSync(file, "before")
          const child = launch([...to(file), "--all"], env)
          const ended = exit(child)
          await until(() => readdirSync(directory).length === 2)
          child.kill(signal)
          // Node ignores SIGPIPE, so the program goes on.
          if (signal === "SIGPIPE") child.kill("SIGTERM")
          const code = await ended
          assert.strictEqual(code, ["SIGINT", "SIGTERM", "SIGPIPE"].includes(signal) ? 130 : signal)
          assert.deepStrictEqual(readdirSync(directory), ["out.csv"], signal)
          assert.strictEqual(readFileSync(file, "utf8"), "before")
        }
        await Promise.all(signals.map(endedBy))
      })
    )
  )
})

it.live("a file is written while the program is profiled, whose signals are not taken for its end", () =>
  served((env) =>
    Effect.promise(async () => {
      const directory = scratch()
      const profiler = ["--cpu-prof", "--cpu-prof-interval=100", `--cpu-prof-dir=${directory}`]
      const child = launch(to(join(directory, "out.csv")), env, { prefix: [process.execPath, ...profiler] })
      assert.strictEqual(await exit(child), 0)
      assert.strictEqual(read(readFileSync(join(directory, "out.csv"), "utf8")), IDS)
      const [profile = "none", ...others] = readdirSync(directory).filter((name) => name !== "out.csv")
      assert.match(profile, /\.cpuprofile$/)
      assert.deepStrictEqual(others, [])
    })
  )
)

describe("what is no regular file is written to and stays what it is", () => {
  it.live("stdout as - and /dev/stdout, also where it is a file that is appended to", () =>
    served((env) =>
      Effect.promise(async () => {
        const prints = async (name: string) => {
          const child = launch(to(name), env)
          const [code, stdout] = await Promise.all([exit(child), text(child.stdout!)])
          assert.deepStrictEqual([code, read(stdout)], [0, IDS], name)
        }
        await Promise.all(["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].map(prints))
        const log = join(scratch(), "log")
        writeFileSync(log, "first\n")
        const append = openSync(log, "a")
        assert.strictEqual(await exit(launch(to("/dev/stdout"), env, { stdio: ["ignore", append, "ignore"] })), 0)
        closeSync(append)
        assert.strictEqual(readFileSync(log, "utf8"), "first\nid\r\na\r\nb\r\nc\r\n")
      })
    )
  )

  it.live("other descriptors, of a pipe and of a file", () =>
    served((env) =>
      Effect.promise(async () => {
        const out = join(scratch(), "out.gz")
        const words = [bin, ...to("/dev/fd/9")].map((word) => `'${word}'`).join(" ")
        const script = `${words} 9> >(gzip > ${out}.tmp; mv ${out}.tmp ${out})`
        assert.strictEqual(await exit(spawn("bash", ["-c", script], { env: baseEnv(env) })), 0)
        await until(() => existsSync(out))
        assert.strictEqual(read(execFileSync("gzip", ["-dc", out], { encoding: "utf8" })), IDS)
        const file = join(scratch(), "file")
        writeFileSync(file, "head\n")
        const fd = openSync(file, "a")
        assert.strictEqual(await exit(launch(to("/dev/fd/3"), env, { stdio: ["ignore", "ignore", "ignore", fd] })), 0)
        closeSync(fd)
        appendFileSync(file, "tail\n")
        assert.strictEqual(readFileSync(file, "utf8"), "head\nid\r\na\r\nb\r\nc\r\ntail\n")
      })
    )
  )

  it.live.skipIf(!isRoot)("a device, also behind a link, and a full one", () =>
    served((env) =>
      Effect.gen(function* () {
        const directory = scratch()
        const [none, full] = ["null", "full"].map((name) => join(directory, name)) as [string, string]
        execFileSync("mknod", ["-m", "666", none, "c", "1", "3"])
        execFileSync("mknod", ["-m", "666", full, "c", "1", "7"])
        symlinkSync("null", join(directory, "link"))
        for (const file of [none, join(directory, "link")]) {
          assert.strictEqual((yield* run(to(file), { env })).code, 0)
          assert.strictEqual((yield* run(["stats", "--svg", file], { env })).code, 0)
        }
        const { code, stderr } = yield* run(to(full), { env })
        assert.strictEqual(code, 1)
        assert.match(stderr, /^hb-sessions: [^\n]+ cannot be written: ENOSPC: [^\n]+\n$/)
        assert.isTrue([none, full].every((file) => statSync(file).isCharacterDevice()))
        assert.deepStrictEqual(readdirSync(directory).toSorted(), ["full", "link", "null"])
        assert.isTrue(lstatSync(join(directory, "link")).isSymbolicLink())
      })
    )
  )

  it.live("a FIFO, whose reader is waited for before the first request, and may go away", () =>
    served((env, requests) =>
      Effect.promise(async () => {
        const fifo = join(scratch(), "fifo")
        execFileSync("mkfifo", [fifo])
        const child = launch(to(fifo), env)
        const [said] = await once(child.stderr!, "data")
        assert.include(String(said), `waiting for a program that reads ${fifo}`)
        assert.strictEqual(requests(), 0)
        const cat = spawn("cat", [fifo], { stdio: ["ignore", "pipe", "ignore"] })
        const [content, ended] = await Promise.all([text(cat.stdout), exit(child)])
        assert.deepStrictEqual([read(content), ended], [IDS, 0])
        assert.isTrue(statSync(fifo).isFIFO())

        const waiting = launch(to(fifo), env)
        await once(waiting.stderr!, "data")
        waiting.kill("SIGTERM")
        assert.strictEqual(await exit(waiting), 130)

        // The reader opens the FIFO and leaves it, as `head` does.
        const gone = spawn("sh", ["-c", ': < "$0"', fifo])
        const left = launch(to(fifo), env)
        const [code, shell] = await Promise.all([exit(left), exit(gone)])
        assert.deepStrictEqual([code, shell], [0, 0])
      })
    )
  )

  it.live("a socket", () =>
    served((env) =>
      Effect.promise(async () => {
        const path = join(scratch(), "socket")
        const server = createServer().listen(path)
        await once(server, "listening")
        const child = launch(to(path), env)
        const [socket] = await once(server, "connection")
        const [content, code] = await Promise.all([text(socket), exit(child)])
        server.close()
        assert.deepStrictEqual([read(content), code], [IDS, 0])
      })
    )
  )
})

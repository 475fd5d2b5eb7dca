/**
 * File systems that are not like the one of a workstation, and files that outlive a bad disk.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { zstdDecompressSync } from "node:zlib"
import { bin, environment, launch, leftOvers, manifestOf, publishedIds, run, scratch } from "./support.ts"
import { hasStrace } from "./strace.ts"

/** An overlay file system over a directory; undefined where none can be mounted. */
const overlay = (lower: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const root = mkdtempSync(join(tmpdir(), "hb-sessions-overlay-"))
      for (const name of ["upper", "work", "merged"]) mkdirSync(join(root, name))
      const layers = `lowerdir=${lower},upperdir=${join(root, "upper")},workdir=${join(root, "work")}`
      const { status } = spawnSync("mount", ["-t", "overlay", "overlay", "-o", layers, join(root, "merged")])
      return { root, merged: status === 0 ? join(root, "merged") : undefined }
    }),
    ({ merged, root }) =>
      Effect.sync(() => {
        if (merged !== undefined) spawnSync("umount", [merged])
        rmSync(root, { recursive: true, force: true })
      })
  )

describe("an overlay file system, as containers have them", () => {
  it.live("may hold an earlier export in a lower layer, whose directories cannot be renamed", (context) =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const env = environment(simulator)
      const lower = yield* scratch
      const image = join(lower, "out")
      assert.strictEqual((yield* run(env, "run", "--out", image)).code, 0)
      // What a killed run has left is in the image too.
      mkdirSync(join(image, ".staging-000000001-x"))
      writeFileSync(join(image, ".staging-000000001-x", "alive"), "")
      const { merged } = yield* overlay(lower)
      if (merged === undefined) return context.skip("no overlay file system can be mounted here")
      const out = join(merged, "out")
      for (const generation of [2, 3, 4]) {
        yield* simulator.mutate("start", 3)
        const { code, stderr } = yield* run(env, "run", "--out", out)
        assert.strictEqual(code, 0, stderr)
        assert.strictEqual(manifestOf(out).generation, generation)
      }
      assert.deepStrictEqual(publishedIds(out), simulator.world.ids().toSorted())
      assert.deepStrictEqual(readdirSync(join(out, "generations")).toSorted(), ["00000003", "00000004"])
      assert.deepStrictEqual(leftOvers(out), [])
      assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 20 })), Effect.scoped)
  )
})

describe.skipIf(!hasStrace)("a file system that lacks something", () => {
  /** Runs with faults at calls; node's own arguments follow the program that strace starts. */
  const under = (out: string, ...flags: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const directory = yield* scratch
      const script = join(directory, "traced.sh")
      const words = ["strace", "-f", "-qq", "-o", "/dev/null", ...flags, process.execPath, bin, '"$@"']
      writeFileSync(script, `exec ${words.join(" ")}\n`)
      const child = spawn("sh", [script, "run", "--out", out], {
        env: { PATH: process.env["PATH"] ?? "", ...environment(yield* Simulator) },
        stdio: ["ignore", "ignore", "pipe"]
      })
      let stderr = ""
      child.stderr.on("data", (chunk: Buffer) => (stderr += String(chunk)))
      const [code] = yield* Effect.promise(() => once(child, "close"))
      return { code, stderr }
    })

  for (const error of ["ENOSYS", "EPERM", "EOPNOTSUPP"]) {
    it.live(`cannot rename (${error}), as mounted buckets: the run is rejected with the advice to use s3://`, () =>
      Effect.gen(function* () {
        const out = join(yield* scratch, "out")
        const { code, stderr } = yield* under(out, "-e", `inject=rename:error=${error}`)
        assert.strictEqual(code, 2, stderr)
        assert.match(stderr, /cannot rename directories.*s3:\/\/bucket\/prefix/)
        assert.notInclude(stderr, "\n  at ")
        assert.deepStrictEqual(readdirSync(out), [])
      }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
    )
  }

  it.live("cannot flush a directory (EINVAL), as CIFS and FUSE: the run publishes all the same", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const out = join(yield* scratch, "out")
      const { code, stderr } = yield* under(
        out,
        ...["", "/generations"].flatMap((name) => ["-P", `${out}${name}`]),
        ...["-e", "trace=fsync", "-e", "inject=fsync:error=EINVAL"]
      )
      assert.strictEqual(code, 0, stderr)
      assert.deepStrictEqual(publishedIds(out), simulator.world.ids().toSorted())
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )
})

describe("zstd", () => {
  it.live("frames carry a checksum, which a changed byte does not pass", () =>
    Effect.gen(function* () {
      const out = join(yield* scratch, "out")
      yield* run(environment(yield* Simulator), "run", "--out", out, "--compress", "zstd")
      const frame = readFileSync(join(out, "sessions.csv.zst"))
      assert.strictEqual((frame[4] ?? 0) & 0b100, 0b100, "Content_Checksum_flag of RFC 8878")
      const damaged = Buffer.from(frame)
      damaged[damaged.length - 1] = ~(damaged.at(-1) ?? 0) & 0xff
      assert.throws(() => zstdDecompressSync(damaged))
      assert.isAbove(zstdDecompressSync(frame).length, 1000)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 50 })), Effect.scoped)
  )
})

describe("the runs", () => {
  it.live.skipIf(!hasStrace)("close their files before they remove them", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const out = join(yield* scratch, "out")
      const trace = join(yield* scratch, "trace")
      const words = ["strace", "-f", "-qq", "-y", "-o", trace, "-e", "trace=openat,close,unlink,rmdir,unlinkat"]
      const { ended } = launch(environment(simulator), ["run", "--out", out], [...words, process.execPath, bin])
      assert.strictEqual(yield* Effect.promise(() => ended), 0)
      const open = new Map<string, number>()
      const early: Array<string> = []
      for (const line of readFileSync(trace, "utf8").split("\n")) {
        const [, opened] = /openat\(.*= \d+<([^>]*\.staging[^>]*)>$/.exec(line) ?? []
        const [, closed] = /close\(\d+<([^>]*\.staging[^>]*)>\)/.exec(line) ?? []
        const [, removed] = /unlink(?:at)?\((?:AT_FDCWD[^,]*, )?"([^"]*\.staging[^"]*)"/.exec(line) ?? []
        if (opened !== undefined) open.set(opened, (open.get(opened) ?? 0) + 1)
        if (closed !== undefined) open.set(closed, (open.get(closed) ?? 0) - 1)
        if (removed !== undefined && (open.get(removed) ?? 0) > 0) early.push(removed)
      }
      assert.isAbove(open.size, 3)
      assert.deepStrictEqual(early, [])
    }).pipe(Effect.provide(Simulator.layer({ sessions: 50 })), Effect.scoped)
  )
})

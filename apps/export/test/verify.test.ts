/**
 * What `verify` finds, and what a run rejects: everything that is not exactly what was published last.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { appendFileSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { environment, manifestOf, runHere as run, scratch } from "./support.ts"

/** Changes to a directory of three generations, and the problems that they cause. */
const damages: ReadonlyArray<readonly [string, (out: string) => void, RegExp]> = [
  [
    "a kept generation without its manifest, with changed data",
    (out) => {
      rmSync(join(out, "generations/00000002/manifest.json"))
      appendFileSync(join(out, "generations/00000002/sessions.csv"), "x\r\n")
    },
    /^generations\/00000002\/manifest\.json: is missing$/m
  ],
  [
    "a kept generation with changed data",
    (out) => appendFileSync(join(out, "generations/00000002/sessions.csv"), "x\r\n"),
    /^generations\/00000002\/sessions\.csv: bytes \d+ instead of \d+, sha256 \w+ instead of \w+, rows 21 instead of 20$/m
  ],
  [
    "a file dropped from the manifest",
    (out) => edit(out, (manifest) => ({ ...manifest, files: [] })),
    /^generations\/00000003\/manifest\.json: does not match manifest\.json$/m
  ],
  [
    "a file dropped from the manifest and its copy",
    (out) => {
      edit(out, (manifest) => ({ ...manifest, files: [] }))
      cpSync(join(out, "manifest.json"), join(out, "generations/00000003/manifest.json"))
    },
    /^generations\/00000003\/sessions\.csv: was not published; move it away$/m
  ],
  [
    "an older manifest that was changed with its files",
    (out) => {
      const file = join(out, "generations/00000002/manifest.json")
      writeFileSync(file, readFileSync(file, "utf8").replace('"proven"', '"unproven"'))
    },
    /^generations\/00000002\/manifest\.json: does not match the digest in the next manifest$/m
  ],
  [
    "a restored older manifest",
    (out) => cpSync(join(out, "generations/00000002/manifest.json"), join(out, "manifest.json")),
    /^generations\/00000003: is newer than manifest\.json, which was restored to generation 2$/m
  ],
  ["an extra file", (out) => writeFileSync(join(out, "generations/00000002/more.csv"), ""), /more\.csv: was not/],
  [
    "an extra generation",
    (out) => cpSync(join(out, "generations/00000003"), join(out, "generations/00000009"), { recursive: true }),
    /^generations\/00000009: was not published; move it away$/m
  ],
  ["an extra directory", (out) => mkdirSync(join(out, "generations/other")), /^generations\/other: was not published/m],
  [
    "a file beside the manifest",
    (out) => writeFileSync(join(out, "sessions.ndjson"), ""),
    /^sessions\.ndjson: was not/m
  ],
  [
    "a FIFO in the place of a file",
    (out) => {
      const file = join(out, "generations/00000003/sessions.csv")
      rmSync(file)
      execFileSync("mkfifo", [file])
    },
    /^generations\/00000003\/sessions\.csv: is not a file$/m
  ]
]

const edit = (out: string, change: (manifest: Record<string, unknown>) => unknown) => {
  const file = join(out, "manifest.json")
  writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, "utf8")))))
}

/** A directory of three generations, of which two are kept. */
const three = Effect.gen(function* () {
  const simulator = yield* Simulator
  const out = join(yield* scratch, "out")
  for (const _ of [1, 2, 3]) assert.strictEqual((yield* run(environment(simulator), "run", "--out", out)).code, 0)
  assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0)
  return out
})

const withSessions = Effect.provide(Simulator.layer({ sessions: 20 }))

describe("verify", () => {
  for (const [what, damage, told] of damages) {
    it.live(`finds ${what}`, () =>
      Effect.gen(function* () {
        const out = yield* three
        damage(out)
        const { code, stderr } = yield* run({}, "verify", "--out", out)
        assert.strictEqual(code, 74, stderr)
        assert.match(stderr, told)
      }).pipe(withSessions, Effect.scoped)
    )
  }

  it.live("needs values recorded elsewhere to detect a backup that was restored as a whole", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const out = yield* three
      cpSync(out, `${out}-backup`, { recursive: true })
      const { stdout } = yield* run(environment(simulator), "run", "--out", out)
      const [, generation = "", digest = ""] = /generation (\d+), digest (\w{64})\n$/.exec(stdout) ?? []
      const noted = ["--expect-generation", generation, "--expect-digest", digest]
      const verify = (...args: ReadonlyArray<string>) => run({}, "verify", "--out", out, ...args)
      assert.strictEqual((yield* verify(...noted)).code, 0)
      rmSync(out, { recursive: true })
      renameSync(`${out}-backup`, out)
      assert.strictEqual((yield* verify()).code, 0)
      const { code, stderr } = yield* verify(...noted)
      assert.strictEqual(code, 74)
      assert.include(stderr, "is of generation 3, but a later one was expected")
      // Another history with as many generations has another digest.
      yield* run(environment(simulator), "run", "--out", out)
      assert.strictEqual((yield* verify("--expect-generation", generation)).code, 0)
      assert.include((yield* verify(...noted)).stderr, "does not have the expected digest")
      // A newer generation is fine as long as the noted one is kept.
      const [before, now] = ["generations/00000003/manifest.json", "manifest.json"].map((file) =>
        createHash("sha256")
          .update(readFileSync(join(out, file)))
          .digest("hex")
      )
      assert.strictEqual((yield* verify("--expect-generation", "3", "--expect-digest", before ?? "")).code, 0)
      assert.strictEqual((yield* verify("--expect-digest", now ?? "")).code, 0)
      assert.include((yield* verify("--expect-generation", "1", "--expect-digest", now ?? "")).stderr, "no longer kept")
      assert.strictEqual((yield* verify("--expect-digest", "12")).code, 2)
    }).pipe(withSessions, Effect.scoped)
  )
})

/** The files of an incremental export that its commands read. */
const read = [
  ["manifest.json", ["run"], ["compact"], ["verify"], ["inspect"], ["run", "--dry-run"]],
  ["generations/00000002/manifest.json", ["run"], ["inspect"]],
  ["generations/00000001/index.bin", ["run"]],
  ["generations/00000001/sessions.csv", ["compact"]],
  [".lock", ["run"]]
] as const

describe("a FIFO in the place of a file", () => {
  for (const [name, ...commands] of read) {
    it.live(`is rejected, and not waited for: ${name}`, () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const env = environment(simulator)
        const out = join(yield* scratch, "out")
        const mode = ["--mode", "incremental", "--compact-after", "0"]
        for (const _ of [1, 2]) {
          assert.strictEqual((yield* run(env, "run", "--out", out, ...mode)).code, 0)
          yield* simulator.mutate("start", 1)
        }
        rmSync(join(out, name))
        execFileSync("mkfifo", [join(out, name)])
        for (const [command, ...flags] of commands) {
          const { code, stderr } = yield* run(
            command === "run" ? env : {},
            ...[command, "--out", out, ...(command === "run" ? mode : []), ...flags]
          )
          assert.strictEqual(code, 2, stderr)
          assert.include(stderr, `${name} is not a regular file; move it away`)
        }
      }).pipe(withSessions, Effect.scoped)
    )
  }
})

describe("a run", () => {
  it.live("rejects a manifest that was modified or restored, which could lose rows", () =>
    Effect.gen(function* () {
      const env = environment(yield* Simulator)
      const out = yield* three
      const whole = readFileSync(join(out, "manifest.json"))
      edit(out, (manifest) => ({ ...manifest, files: [] }))
      const changed = yield* run(env, "run", "--out", out)
      assert.strictEqual(changed.code, 2)
      assert.match(changed.stderr, /manifest\.json differs from its copy .*generations\/00000003\/manifest\.json/)
      cpSync(join(out, "generations/00000002/manifest.json"), join(out, "manifest.json"))
      const putBack = yield* run(env, "run", "--out", out)
      assert.strictEqual(putBack.code, 2)
      assert.match(putBack.stderr, /manifest\.json is of generation 2, but .*00000003\/manifest\.json exists/)
      writeFileSync(join(out, "manifest.json"), whole)
      assert.strictEqual((yield* run(env, "run", "--out", out)).code, 0)
      assert.strictEqual(manifestOf(out).generation, 4)
    }).pipe(withSessions, Effect.scoped)
  )
})

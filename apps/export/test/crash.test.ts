/**
 * What is published after crashes: killed at every system call that matters, on a disk that fails, at random times.
 *
 * The same rounds are played with a careless program, and must catch it.
 */
import { assert, describe, it } from "@effect/vitest"
import type * as Bin from "@hb-sessions/app-kit/Bin"
import { makeRng } from "@hb-sessions/simulator/Rng"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import {
  bin,
  environment,
  hasProgram,
  launch,
  leftOvers,
  manifestOf,
  publishedIds,
  rowsOf,
  run,
  scratch
} from "./support.ts"

const naive = fileURLToPath(new URL("./fixtures/naiveExport.mjs", import.meta.url))

const hasStrace = hasProgram("strace", "-f", "-e", "trace=none", "true")

/** Everything instead of a sample: about ten minutes. */
const isFull = process.env["HB_SESSIONS_TEST_FULL"] === "1"

/** Prints which rounds are played, so that a failure can be played again. */
const tell = (text: string) => process.stderr.write(`${text}\n`)

type Ids = ReadonlyArray<string>

const isEqual = (a: Ids, b: Ids) => a.length === b.length && a.every((id, index) => id === b[index])

/** What is wrong with what a reader finds, who may expect either of two generations. */
const problemOf = (directory: string, allowed: ReadonlyArray<Ids>): string | undefined => {
  let found: Ids
  let latest: number
  try {
    found = publishedIds(directory)
    latest = rowsOf(join(directory, "sessions.csv")).length
  } catch (error) {
    return `nothing can be read: ${String(error)}`
  }
  if (!allowed.some((ids) => isEqual(ids, found))) return `the manifest leads to ${found.length} sessions`
  if (!allowed.some((ids) => ids.length === latest)) return `sessions.csv holds ${latest} sessions`
  return undefined
}

/** A directory with one generation, of a list that has changed since. */
const prepare = Effect.fnUntraced(function* () {
  const simulator = yield* Simulator
  const env = { ...environment(simulator), UV_THREADPOOL_SIZE: "1" }
  const root = yield* scratch
  const base = join(root, "base")
  assert.strictEqual((yield* run(env, "run", "--out", base)).code, 0)
  const before = simulator.world.ids().toSorted()
  yield* simulator.mutate("start", 7)
  const after = simulator.world.ids().toSorted()
  return { env, root, base, before, after }
})

interface Round {
  readonly env: Bin.Env
  readonly root: string
  readonly base: string
  readonly before: Ids
  readonly after: Ids
}

/** One run under strace with one fault, on a copy of the base; tells the exit code and what a reader finds. */
const playFault = async ({ after, base, before, env, root }: Round, program: string, fault: string) => {
  const out = join(root, fault.replaceAll(/\W/g, "-"))
  rmSync(out, { recursive: true, force: true })
  cpSync(base, out, { recursive: true })
  const traced = [
    "strace",
    "-f",
    "-qq",
    "-o",
    "/dev/null",
    "-e",
    `trace=${fault.split(":")[0]}`,
    "-e",
    `inject=${fault}`
  ]
  const args = [program, "run", "--out", out, "--checkpoint-every", "0 millis"]
  const code = await launch(env, args, [...traced, process.execPath]).ended
  return { out, code, problem: problemOf(out, [before, after]) }
}

/** How often the busiest thread makes each call in a run without faults. */
const countCalls = async ({ base, env, root }: Round, calls: ReadonlyArray<string>) => {
  const out = join(root, "counted")
  cpSync(base, out, { recursive: true })
  const traced = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", join(root, "trace"), "-e", `trace=${calls.join(",")}`]
  const args = [bin, "run", "--out", out, "--checkpoint-every", "0 millis"]
  assert.strictEqual(await launch(env, args, [...traced, process.execPath]).ended, 0)
  const counts = new Map<string, number>()
  for (const line of readFileSync(join(root, "trace"), "utf8").split("\n")) {
    const found = /^(\d+) +(\w+)\(/.exec(line)
    if (found !== null) counts.set(`${found[1]} ${found[2]}`, (counts.get(`${found[1]} ${found[2]}`) ?? 0) + 1)
  }
  const most = new Map<string, number>()
  for (const [key, count] of counts) {
    const call = key.split(" ")[1] ?? ""
    most.set(call, Math.max(most.get(call) ?? 0, count))
  }
  const named: ReadonlyMap<string, number> = most
  return named
}

/** Plays rounds two at a time, and returns what is wrong with each that is wrong. */
const playAll = Effect.fnUntraced(function* (
  faults: ReadonlyArray<string>,
  play: (fault: string) => Promise<string | undefined>
) {
  const found = yield* Effect.forEach(
    faults,
    (fault) =>
      Effect.map(
        Effect.promise(() => play(fault)),
        (problem) => (problem === undefined ? [] : [`${fault}: ${problem}`])
      ),
    { concurrency: 2 }
  )
  return found.flat()
})

/** The calls that change names: a kill at each of them finds a commit in the wrong order. */
const naming = new Set(["rename", "link", "unlink"])

/** The n-th call of each kind; of those that change no names a sample, unless all are asked for. */
const pointsOf = (counts: ReadonlyMap<string, number>, most: number): ReadonlyArray<readonly [string, number]> =>
  [...counts].flatMap(([call, count]) => {
    const step = isFull || naming.has(call) ? 1 : Math.max(1, count / most)
    const points = new Set<number>()
    for (let n = 1; n <= count; n += step) points.add(Math.floor(n))
    return [...points].map((n) => [call, n] as const)
  })

const list = { sessions: 35, seed: "crash" }

describe.skipIf(!hasStrace)("killed at a system call", { timeout: 1_200_000 }, () => {
  const calls = ["write", "pwrite64", "fsync", "rename", "link", "unlink", "mkdir", "rmdir", "close"]

  it.live("leaves the generation before or the new one, and the next run puts everything right", () =>
    Effect.gen(function* () {
      const round = yield* prepare()
      const points = pointsOf(yield* Effect.promise(() => countCalls(round, calls)), 2)
      tell(`killed at ${points.length} system calls`)
      const problems = yield* playAll(
        points.map(([call, n]) => `${call}:signal=KILL:when=${n}`),
        async (fault) => {
          const { out, problem } = await playFault(round, bin, fault)
          if (problem !== undefined) return problem
          const code = await launch(round.env, [bin, "run", "--out", out], [process.execPath]).ended
          if (code !== 0) return `the next run exits with ${code}`
          if (leftOvers(out).length > 0) return `${leftOvers(out).join()} stays`
          const generations = readdirSync(join(out, "generations"))
          if (generations.length !== 1) return `generations ${generations.join()} are there`
          return problemOf(out, [round.after])
        }
      )
      assert.deepStrictEqual(problems, [])
    }).pipe(Effect.provide(Simulator.layer(list)), Effect.scoped)
  )

  it.live("catches a careless program", () =>
    Effect.gen(function* () {
      const round = yield* prepare()
      const faults = [20, 30, 40, 50].map((n) => `write:signal=KILL:when=${n}`)
      const problems = yield* playAll(faults, async (fault) => (await playFault(round, naive, fault)).problem)
      assert.isNotEmpty(problems)
    }).pipe(Effect.provide(Simulator.layer(list)), Effect.scoped)
  )
})

describe.skipIf(!hasStrace)("a disk that fails", { timeout: 1_200_000 }, () => {
  it.live("costs a run with exit code 74, and no published byte", () =>
    Effect.gen(function* () {
      const round = yield* prepare()
      const kinds = [
        ["ENOSPC", ["pwrite64", "fsync", "mkdir", "link", "rename"]],
        ["EDQUOT", ["write", "pwrite64", "close"]],
        ["EIO", ["fsync", "close", "pwrite64", "rename"]]
      ] as const
      const all = [...new Set(kinds.flatMap(([, calls]) => calls))]
      const counts = yield* Effect.promise(() => countCalls(round, all))
      const faults = kinds.flatMap(([error, calls]) =>
        pointsOf(new Map([...counts].filter(([call]) => calls.some((name) => name === call))), 2).map(
          ([call, n]) => `${call}:error=${error}:when=${n}`
        )
      )
      tell(`${faults.length} failures of the disk`)
      const problems = yield* playAll(faults, async (fault) => {
        const { code, out, problem } = await playFault(round, bin, fault)
        if (problem !== undefined) return problem
        // A message between Node's own threads can be hit too, which ends it with a signal.
        const isOwn = fault.startsWith("write") || fault.startsWith("close")
        if (code !== 74 && code !== 0 && !isOwn) return `exit code ${code}`
        if (code === 0 && manifestOf(out).generation === 1) return "success without a generation"
        const next = await launch(round.env, [bin, "run", "--out", out], [process.execPath]).ended
        if (next !== 0) return `the next run exits with ${next}`
        return problemOf(out, [round.after])
      })
      assert.deepStrictEqual(problems, [])
    }).pipe(Effect.provide(Simulator.layer(list)), Effect.scoped)
  )
})

describe("killed at random", { timeout: 1_200_000 }, () => {
  const rounds = Number(process.env["HB_SESSIONS_TEST_ROUNDS"] ?? (isFull ? 200 : 20))
  const seed = process.env["HB_SESSIONS_TEST_SEED"] ?? String(Date.now())

  it.live("again and again, while the list changes and the server fails: in the end everything is there", () =>
    Effect.gen(function* () {
      tell(`${rounds} rounds of HB_SESSIONS_TEST_SEED=${seed}`)
      const rng = makeRng(seed)
      const simulator = yield* Simulator
      const env = { ...environment(simulator), HB_SESSIONS_RETRIES: "3" }
      const out = join(yield* scratch, "out")
      const args = ["run", "--out", out, "--checkpoint-every", "0 millis", "--keep", "2"]
      for (let round = 0; round < rounds; round++) {
        const ids = simulator.world.ids()
        const { child, ended } = launch(env, args)
        const timer = setTimeout(() => child.kill("SIGKILL"), 120 + rng.below(500, round, 1))
        yield* Effect.promise(() => ended)
        clearTimeout(timer)
        yield* Effect.promise(() => ended)
        if (!existsSync(join(out, "manifest.json"))) continue
        const manifest = manifestOf(out)
        const published = publishedIds(out)
        assert.lengthOf(published, manifest.sessions, `round ${round}: rows of the manifest`)
        assert.strictEqual(new Set(published).size, published.length, `round ${round}: a session is there twice`)
        if (child.exitCode === 0 && manifest.completeness === "proven") {
          const held = new Set(published)
          const lost = ids.filter((id) => !held.has(id))
          assert.deepStrictEqual(lost, [], `round ${round}: proven, and these are missing`)
        }
      }
      yield* simulator.setChurn({})
      yield* simulator.setFaults({})
      assert.strictEqual((yield* run(env, "run", "--out", out, "--strict", "--keep", "2")).code, 0)
      const held = new Set(publishedIds(out))
      assert.isTrue(simulator.world.ids().every((id) => held.has(id)))
      assert.deepStrictEqual(leftOvers(out), [])
      assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0)
    }).pipe(
      Effect.provide(
        Simulator.layer({
          sessions: 300,
          seed: `kills-${seed}`,
          churn: { start: 0.02, end: 0.02 },
          faults: { rates: { reset: 0.01, "503": 0.01, truncate: 0.01 } },
          latency: { min: "0 millis", max: "5 millis" }
        })
      ),
      Effect.scoped
    )
  )

  it.live("a careless program is caught", () =>
    Effect.gen(function* () {
      const round = yield* prepare()
      const out = join(round.root, "naive")
      cpSync(round.base, out, { recursive: true })
      let caught = 0
      for (const delay of [100, 120, 140, 160, 180, 200, 220, 240, 260, 280]) {
        const { child, ended } = launch(round.env, ["run", "--out", out], [process.execPath, naive])
        const timer = setTimeout(() => child.kill("SIGKILL"), delay)
        yield* Effect.promise(() => ended)
        clearTimeout(timer)
        if (problemOf(out, [round.before, round.after]) !== undefined) caught++
      }
      assert.isAbove(caught, 0)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 1000, latency: "1 millis" })), Effect.scoped)
  )
})

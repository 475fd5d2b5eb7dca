/**
 * Runs under strace: the same run again and again, each with one fault at one of its calls.
 */
import { assert } from "@effect/vitest"
import type * as Bin from "@hb-sessions/app-kit/Bin"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { cpSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { bin, environment, hasProgram, launch, manifestOf, run, scratch, visible } from "./support.ts"

/** The calls that Node's start makes too, each of which the padding has made so many times. */
const padded = new Map([
  ["openat", 100],
  ["write", 100],
  ["close", 100]
])

const padding = fileURLToPath(new URL("./fixtures/padding.mjs", import.meta.url))

export const hasStrace = hasProgram("strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=none", "true")

/** Everything instead of a sample: about a quarter of an hour. */
export const isFull = process.env["HB_SESSIONS_TEST_FULL"] === "1"

/** Prints which rounds are played, so that a failure can be played again. */
export const tell = (text: string): boolean => process.stderr.write(`${text}\n`)

/** What a reader finds: the digests of the files that the manifest names, and of the one beside it. */
interface Found {
  readonly files: ReadonlyArray<string>
  readonly latest: string | undefined
}

const digest = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex")

/** Reads as a reader would; fails when something is not what the manifest says. */
const find = (directory: string): Found => {
  const { files, latest, bookmark, tombstones } = manifestOf(directory)
  const [found] = [files, tombstones, bookmark.index?.files ?? []].map((some) =>
    some.map(({ path, sha256 }) => {
      const actual = digest(join(directory, path))
      if (actual !== sha256) throw new Error(`${path} is not what the manifest says`)
      return actual
    })
  )
  const beside = latest ?? visible(directory).find((name) => name.startsWith("sessions"))
  return { files: found ?? [], latest: beside === undefined ? undefined : digest(join(directory, beside)) }
}

/** A directory with one generation, of a list that has changed since. */
export interface Round {
  readonly env: Bin.Env
  readonly root: string
  readonly base: string
  /** The words of a run, but for `--out`. */
  readonly words: ReadonlyArray<string>
  readonly before: Found
  /** What an undisturbed run finds. */
  readonly after: Found
}

export const prepare = Effect.fnUntraced(function* (selection: ReadonlyArray<string>, program = bin) {
  const simulator = yield* Simulator
  const env = { ...environment(simulator), UV_THREADPOOL_SIZE: "1" }
  const root = yield* scratch
  const base = join(root, "base")
  assert.strictEqual((yield* run(env, "run", "--out", base, ...selection)).code, 0)
  const before = find(base)
  yield* simulator.mutate("start", 7)
  const whole = join(root, "whole")
  cpSync(base, whole, { recursive: true })
  const words = [program, "run", ...selection]
  const { ended } = launch(env, [...words, "--out", whole], [process.execPath])
  assert.strictEqual(yield* Effect.promise(() => ended), 0)
  const after = find(whole)
  assert.notDeepEqual(after, before)
  const round: Round = { env, root, base, words, before, after }
  return round
})

/** What is wrong with what a reader finds, who may expect the generation before, too, unless the run was not disturbed. */
export const problemOf = ({ after, before }: Round, directory: string, isDisturbed: boolean): string | undefined => {
  const allowed = isDisturbed ? [before, after] : [after]
  try {
    const { files, latest } = find(directory)
    if (!allowed.some((one) => one.files.join() === files.join())) return "the manifest leads to something else"
    if (!allowed.some((one) => one.latest === latest)) return "the file beside the manifest is something else"
    return undefined
  } catch (error) {
    return `nothing can be read: ${String(error)}`
  }
}

const strace = (round: Pick<Round, "env" | "words">, out: string, ...flags: ReadonlyArray<string>) => {
  // A careless program works on files in the main thread.
  const preload = round.words[0] === bin ? ["--import", padding] : []
  const words = [...round.words, "--out", out, "--checkpoint-every", "0 millis"]
  return launch(round.env, words, ["strace", "-f", "-qq", ...flags, process.execPath, ...preload]).ended
}

/** Lets a process go on at all calls but those that are traced. */
const QUICK = "--seccomp-bpf"

/** One run with one fault, on a copy of the base; the exit code is null after a kill. */
export const playFault = async (round: Round, fault: string) => {
  const out = join(round.root, fault.replaceAll(/\W/g, "-"))
  rmSync(out, { recursive: true, force: true })
  cpSync(round.base, out, { recursive: true })
  const call = fault.split(":")[0]
  const flags = ["-o", "/dev/null", "-e", `trace=${call}`, "-e", `inject=${fault}`]
  // No signal comes from a process that stops at what is traced only.
  const code = await strace(round, out, ...(fault.includes(":signal=") ? flags : [QUICK, ...flags]))
  return { out, code, problem: problemOf(round, out, true) }
}

/** One run without a fault: the log of its calls, with the paths behind the numbers of files. */
export const traceOf = async (
  round: Pick<Round, "env" | "root" | "words">,
  out: string,
  calls: ReadonlyArray<string>
) => {
  const file = join(round.root, "trace")
  assert.strictEqual(
    await strace(round, out, QUICK, "-y", "-s", "1000000", "-o", file, "-e", `trace=${calls.join(",")}`),
    0
  )
  return readFileSync(file, "utf8")
}

/** Which calls of the thread that works on files concern the directory: the n-th of its kind. */
export const countCalls = async (round: Round, calls: ReadonlyArray<string>) => {
  const out = join(round.root, "counted")
  cpSync(round.base, out, { recursive: true })
  const counts = new Map<string, number>()
  const concerned = new Map<string, Set<number>>()
  for (const line of (await traceOf(round, out, calls)).split("\n")) {
    const found = /^(\d+) +(\w+)\(/.exec(line)
    const call = found?.[2]
    if (found === null || call === undefined) continue
    const key = `${found[1]} ${call}`
    const count = (counts.get(key) ?? 0) + 1
    counts.set(key, count)
    if (count > (padded.get(call) ?? 0) && line.includes(out))
      concerned.set(call, (concerned.get(call) ?? new Set()).add(count))
  }
  const sorted: ReadonlyMap<string, ReadonlyArray<number>> = new Map(
    [...concerned].map(([call, found]) => [call, [...found].toSorted((a, b) => a - b)])
  )
  return sorted
}

/** The calls that change names: a kill at each of them finds a commit in the wrong order. */
const naming = new Set(["rename", "link", "unlink", "mkdir"])

/** Which calls to fault: those that change names, and of the others a sample, unless all are asked for. */
export const pointsOf = (counts: ReadonlyMap<string, ReadonlyArray<number>>, most: number) =>
  [...counts].flatMap(([call, found]) => {
    const isSampled = !isFull && !(naming.has(call) && most > 2)
    const points = isSampled ? sample(found, most) : found
    return points.map((n) => [call, n] as const)
  })

/** As many as asked for, the first and the last among them. */
const sample = (found: ReadonlyArray<number>, most: number) =>
  found.length <= most
    ? found
    : Array.from({ length: most }, (_, i) => at(found, (i * (found.length - 1)) / (most - 1)))

const at = (found: ReadonlyArray<number>, index: number) => found[Math.round(index)] ?? 0

/** Plays rounds two at a time, and returns what is wrong with each that is wrong. */
export const playAll = Effect.fnUntraced(function* (
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

/**
 * What the tests of the built export share.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { runHere as inThisProcess } from "@hb-sessions/app-kit/runHere"
import type { Simulator } from "@hb-sessions/simulator/Simulator"
import { parse } from "csv-parse/sync"
import { Clock, Effect, Schema } from "effect"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { hbSessionsExport } from "../src/commands/hb-sessions-export.ts"
import { ManifestJson } from "../src/publish/Manifest.ts"
import { reportFailure } from "../src/reportFailure.ts"

/** The built program. */
export const bin = fileURLToPath(new URL("../dist/bin.js", import.meta.url))

/** A directory that goes with the scope. */
export const scratch = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "hb-sessions-export-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

/** What a run needs to reach a simulator; no retries, so that failures come at once. */
export const environment = ({ apiKey, url }: Pick<Simulator["Service"], "apiKey" | "url">): Bin.Env => ({
  HYPERBROWSER_API_KEY: apiKey,
  HYPERBROWSER_BASE_URL: url,
  HB_SESSIONS_RETRIES: "0"
})

/** Runs the export with a list of words. */
export const run = (env: Bin.Env, ...args: ReadonlyArray<string>) => Bin.run(bin, args, env)

const here = inThisProcess(hbSessionsExport, { version: "0.0.0", report: reportFailure })

/** A clock that is ahead. */
const aheadBy = (millis: number, clock: Clock.Clock): Clock.Clock => {
  const nanos = BigInt(millis) * 1_000_000n
  return {
    currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + millis,
    currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + millis),
    currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe() + nanos,
    currentTimeNanos: Effect.map(clock.currentTimeNanos, (now) => now + nanos),
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: clock.monotonicTimeNanos,
    sleep: (duration) => clock.sleep(duration)
  }
}

/**
 * Runs the export within this process: for what a run reads and publishes, where nothing is told of a process. Its clock
 * is ahead by `TEST_CLOCK_AHEAD` milliseconds, as that of a process is.
 */
export const runHere = (env: Bin.Env, ...args: ReadonlyArray<string>) => {
  const ahead = Math.round(Number(env["TEST_CLOCK_AHEAD"] ?? 0))
  return Effect.updateService(here(args, env), Clock.Clock, (clock) => (ahead === 0 ? clock : aheadBy(ahead, clock)))
}

/** The names that are not hidden. */
export const visible = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory)
    .filter((name) => !name.startsWith("."))
    .toSorted()

/** The left-overs of runs. */
export const leftOvers = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory).filter((name) => name.startsWith(".staging-") || name.startsWith(".quarantined-"))

/** The manifest of a directory. */
export const manifestOf = (directory: string) =>
  Schema.decodeSync(ManifestJson)(readFileSync(join(directory, "manifest.json"), "utf8"))

/** The rows of CSV, as an independent parser reads them. */
export const rowsOf = (file: string): ReadonlyArray<Record<string, string>> =>
  parse(readFileSync(file), { columns: true })

/** The ids that are published, as a reader finds them who follows the manifest. */
export const publishedIds = (directory: string): ReadonlyArray<string> =>
  manifestOf(directory)
    .files.flatMap(({ path }) => rowsOf(join(directory, path)).map((row) => row["id"] ?? ""))
    .toSorted()

/** Starts a process that the test ends itself. */
export const launch = (
  env: Bin.Env,
  args: ReadonlyArray<string>,
  command: ReadonlyArray<string> = [process.execPath, bin]
): { readonly child: ChildProcess; readonly ended: Promise<number | null> } => {
  const [file = "", ...first] = command
  const child = spawn(file, [...first, ...args], { env: { ...Bin.nodeEnv, ...env }, stdio: "ignore" })
  const ended = once(child, "close").then(([code]: ReadonlyArray<unknown>) => (typeof code === "number" ? code : null))
  return { child, ended }
}

/** Whether a program is there; says so when it is not, since its tests are skipped then. */
export const hasProgram = (program: string, ...args: ReadonlyArray<string>): boolean => {
  const isThere = spawnSync(program, args, { stdio: "ignore" }).status === 0
  // oxlint-disable-next-line no-console
  if (!isThere) console.warn(`skipped: the tests that need ${program}, which does not work here`)
  return isThere
}

/** Waits until something is so; the test's own time-out is the bound. */
export const until = (isSo: () => boolean): Promise<void> =>
  new Promise((done) => {
    const look = () => (isSo() ? done() : setTimeout(look, 5))
    look()
  })

/** Whether some unfinished run in a directory has a checkpoint. */
export const hasCheckpoint = (directory: string): boolean =>
  existsSync(directory) &&
  readdirSync(directory).some(
    (name) => name.startsWith(".staging-") && existsSync(join(directory, name, "checkpoint.json"))
  )

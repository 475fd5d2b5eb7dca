/**
 * What a large file costs in memory.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { scratch } from "./support.ts"

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

const MIB = 1024 ** 2

/** The store as a process of its own, so that what it holds is not counted; gives its variables. */
const storeProcess = Effect.acquireRelease(
  Effect.promise(async () => {
    const child = spawn(process.execPath, [path("../../../packages/object-store/src/bin.ts")])
    const [lines] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string]
    const pairs = lines.trim().split("\n")
    return { child, environment: Object.fromEntries(pairs.map((pair) => pair.split(/=(.*)/s))) }
  }),
  ({ child }) =>
    Effect.promise(() => {
      const ended = once(child, "exit")
      child.kill("SIGKILL")
      return ended
    })
)

it.live("sends and fetches a file of 300 MiB without having it in memory", () =>
  Effect.gen(function* () {
    const { environment } = yield* storeProcess
    const directory = yield* scratch
    const [file, fetched] = [join(directory, "file"), join(directory, "fetched")]
    writeFileSync(file, "")
    truncateSync(file, 300 * MIB)
    const { stdout } = yield* Effect.promise(() =>
      promisify(execFile)(process.execPath, [path("fixtures/transferFile.ts"), file, fetched], { env: environment })
    )
    // Node and the modules alone have some 140 MiB.
    assert.isBelow(Number(stdout), 350)
    assert.isAbove(Number(stdout), 50)
  }).pipe(Effect.scoped)
)

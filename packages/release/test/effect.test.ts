/**
 * Which versions of Effect core works with: the peer range says no more than what is tried here.
 */
import { execFile } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, inject, it } from "vitest"
import { readManifest } from "../src/workspace.ts"
import { npm } from "./setup.ts"
import { apiKey, type RunningSimulator, startSimulator } from "./simulator.ts"

const { consumer, scratch, tarballs } = inject("installed")
const sessions = 100
const both = { promise: { sessions, completeness: "proven" }, effect: { sessions, completeness: "proven" } }
const range = readManifest(join(consumer, "node_modules/@hb-sessions/core")).peerDependencies?.["effect"] ?? ""

let simulator: RunningSimulator
beforeAll(async () => {
  simulator = await startSimulator(consumer, sessions)
})
afterAll(() => simulator[Symbol.asyncDispose]())

/** An empty project with the programs. */
const project = (name: string): string => {
  const directory = mkdtempSync(join(scratch, `${name}-`))
  writeFileSync(join(directory, "package.json"), JSON.stringify({ private: true, type: "module" }))
  for (const file of ["main.js", "read.js"]) cpSync(join(consumer, file), join(directory, file))
  return directory
}

const read = (directory: string) =>
  promisify(execFile)(process.execPath, ["main.js", simulator.url, apiKey], { cwd: directory })

/** What the registry has in the range, in order. */
const publishedIn = (wanted: string): ReadonlyArray<string> =>
  [JSON.parse(npm(["view", `effect@${wanted}`, "version", "--json"], scratch))].flat()

describe("core", () => {
  it("reads with the lowest and with the highest version of effect that its range allows", async () => {
    const allowed = publishedIn(range)
    const ends = [...new Set([allowed[0], allowed.at(-1)])]
    console.log(`effect ${range}: ${ends.join(" and ")}`)
    const outputs = ends.map(async (version) => {
      const directory = project("range")
      npm(["install", tarballs["core"] ?? "", `effect@${version}`], directory)
      assert.strictEqual(readManifest(join(directory, "node_modules/effect")).version, version)
      return JSON.parse((await read(directory)).stdout)
    })
    assert.deepStrictEqual(
      await Promise.all(outputs),
      ends.map(() => both)
    )
  })

  it("is not installed beside a version outside its range, and npm says why", () => {
    const below = publishedIn(`>=4.0.0 <${publishedIn(range)[0]}`).at(-1)
    try {
      npm(["install", tarballs["core"] ?? "", `effect@${below}`], project("rejected"))
    } catch (error) {
      assert.include(String(error), `peer effect@"${range}" from @hb-sessions/core`)
      return
    }
    assert.fail(`npm installed effect ${below}`)
  })
})

describe("two copies of effect in one tree", () => {
  const twoCopies = (): string => {
    const directory = project("copies")
    const modules = join(directory, "node_modules")
    mkdirSync(join(modules, "@hb-sessions"), { recursive: true })
    cpSync(join(consumer, "node_modules/effect"), join(modules, "effect"), { recursive: true })
    const core = join(modules, "@hb-sessions/core")
    cpSync(join(consumer, "node_modules/@hb-sessions/core"), core, { recursive: true })
    cpSync(join(modules, "effect"), join(core, "node_modules/effect"), { recursive: true })
    return directory
  }

  it("are told apart at the first read, with what to do", async () => {
    const { stderr } = await read(twoCopies()).then(
      () => ({ stderr: "nothing was said" }),
      (error: { readonly stderr: string }) => error
    )
    assert.match(stderr, /two copies of effect are loaded/i)
    assert.include(stderr, "npm ls effect")
  })
})

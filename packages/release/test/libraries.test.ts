/**
 * Core from its tarball, against the simulator from its tarball, wherever core says that it runs.
 */
import { bun, deno, nodes } from "@hb-sessions/runtimes"
import { execFile, execFileSync } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, inject, it } from "vitest"
import { root } from "../src/workspace.ts"
import { bundleForBrowser } from "./bundle.ts"
import { readInChromium } from "./chromium.ts"
import { npm } from "./setup.ts"
import { apiKey, type RunningSimulator, startSimulator } from "./simulator.ts"
import { readInWorkerd } from "./workerd.ts"

const { consumer } = inject("installed")
const sessions = 300
const both = { promise: { sessions, completeness: "proven" }, effect: { sessions, completeness: "proven" } }

let simulator: RunningSimulator
beforeAll(async () => {
  simulator = await startSimulator(consumer, sessions)
})
afterAll(() => simulator[Symbol.asyncDispose]())

const run = async (file: string, args: ReadonlyArray<string>): Promise<unknown> => {
  const { stdout } = await promisify(execFile)(file, [...args, simulator.url, apiKey], { cwd: consumer })
  return JSON.parse(stdout)
}

it("comes with one copy of effect, and with no script that npm runs", () => {
  const installed: ReadonlyArray<{ readonly name?: string; readonly scripts?: object }> = JSON.parse(
    npm(["query", "*"], consumer)
  )
  const ours = installed.filter(({ name = "" }) => name === "effect" || name.startsWith("@hb-sessions/"))
  assert.sameMembers(
    ours.map(({ name }) => name),
    ["@hb-sessions/core", "@hb-sessions/simulator", "effect"]
  )
  for (const { name, scripts = {} } of ours) assert.notInclude(Object.keys(scripts).join(), "install", name)
})

describe("a verified read, with promises and with Effect, in", () => {
  for (const [version, node] of Object.entries(nodes)) {
    it(`Node ${version}`, async () => {
      assert.match(execFileSync(node, ["--version"], { encoding: "utf8" }), new RegExp(`^v${version}\\.`))
      assert.deepStrictEqual(await run(node, ["main.js"]), both)
    })
  }

  it("Bun", async () => {
    assert.deepStrictEqual(await run(bun, ["main.js"]), both)
  })

  it("Deno, with the permission to use the network and nothing else", async () => {
    const flags = ["run", "--quiet", "--no-prompt", "--node-modules-dir=manual", "--allow-net"]
    assert.deepStrictEqual(await run(deno, [...flags, "main.js"]), both)
  })

  it("workerd, which generates no code from text", async () => {
    const worker = await bundleForBrowser(join(consumer, "worker.js"))
    const answer = await readInWorkerd(worker, { baseUrl: simulator.url, apiKey })
    assert.deepStrictEqual(answer, { ...both, generatesCode: false })
  })

  const chromium = "/usr/bin/chromium"
  it("Chromium", async ({ skip }) => {
    if (!existsSync(chromium)) skip(`there is no ${chromium}`)
    const script = await bundleForBrowser(join(consumer, "page.js"))
    assert.deepStrictEqual(await readInChromium(chromium, script, { upstream: simulator.url, apiKey }), both)
  })
})

describe("TypeScript, with declarations checked too,", () => {
  const tsc = join(root, "node_modules", ".bin", "tsc")
  const strict = ["--strict", "--exactOptionalPropertyTypes", "--skipLibCheck", "false", "--pretty", "false"]
  const target = ["--target", "es2024", "--lib", "es2024,dom,dom.iterable,esnext.disposable", "--types", ""]
  const compile = async (args: ReadonlyArray<string>) => {
    const done = promisify(execFile)(tsc, ["--ignoreConfig", ...strict, ...target, ...args], { cwd: consumer })
    return done.then(
      ({ stdout }) => stdout,
      (error) => error.stdout || String(error)
    )
  }

  it("compiles with module nodenext, and the result runs", async () => {
    assert.strictEqual(await compile(["--module", "nodenext", "--outDir", "out", "typed.ts"]), "")
    const { count, credits } = (await run(process.execPath, ["typedMain.js"])) as Record<string, number>
    assert.isAbove(count ?? 0, 100)
    assert.isAbove(credits ?? 0, 0)
  })

  it("compiles with moduleResolution bundler", async () => {
    const bundler = ["--module", "esnext", "--moduleResolution", "bundler"]
    assert.strictEqual(await compile([...bundler, "--noEmit", "typed.ts"]), "")
  })

  it("accepts every public module of core and of the simulator", async () => {
    const all = ["core", "simulator"].flatMap((id) => {
      const dist = join(consumer, "node_modules/@hb-sessions", id, "dist")
      return readdirSync(dist)
        .filter((file) => file.endsWith(".d.ts"))
        .map((file) => join(dist, file))
    })
    assert.isAbove(all.length, 20)
    assert.strictEqual(await compile(["--module", "nodenext", "--noEmit", ...all]), "")
  })
})

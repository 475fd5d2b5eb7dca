/**
 * The apps as `npm install --global` leaves them, against the simulator from its tarball.
 */
import { nodes } from "@hb-sessions/runtimes"
import { execFile, spawn } from "node:child_process"
import { mkdtempSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, inject, it } from "vitest"
import { apps } from "../src/workspace.ts"
import { npm } from "./setup.ts"
import { apiKey, firstLine, type RunningSimulator, startSimulator, stop } from "./simulator.ts"

const { consumer, prefix, scratch } = inject("installed")
const sessions = 120

let simulator: RunningSimulator
beforeAll(async () => {
  simulator = await startSimulator(consumer, sessions)
})
afterAll(() => simulator[Symbol.asyncDispose]())

const environment = (node: string = process.execPath): NodeJS.ProcessEnv => ({
  HOME: scratch,
  PATH: `${join(prefix, "bin")}:${dirname(node)}:/usr/bin:/bin`,
  HYPERBROWSER_API_KEY: apiKey,
  HYPERBROWSER_BASE_URL: simulator.url
})

const run = (command: string, args: ReadonlyArray<string>, env = environment()) =>
  promisify(execFile)(command, args, { env, cwd: scratch })

it("come without another package", () => {
  const { dependencies } = JSON.parse(npm(["ls", "--global", "--all", "--json", "--prefix", prefix], scratch))
  assert.sameMembers(
    Object.keys(dependencies),
    apps.map(({ manifest }) => manifest.name)
  )
  for (const installed of Object.values<object>(dependencies)) assert.notProperty(installed, "dependencies")
})

describe("tell their version in", () => {
  for (const [version, node] of Object.entries(nodes)) {
    it(`Node ${version}`, async () => {
      const said = apps.map(async ({ manifest }) => {
        const [name = ""] = Object.keys(manifest.bin ?? {})
        return (await run(name, ["--version"], environment(node))).stdout
      })
      for (const [i, stdout] of (await Promise.all(said)).entries()) {
        assert.include(stdout, apps[i]?.manifest.version ?? "")
      }
    })
  }
})

it("hb-sessions lists every session, proven complete", async () => {
  const { stderr, stdout } = await run("hb-sessions", ["list", "--all", "--strict", "--format", "ndjson"])
  const ids = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).id)
  assert.strictEqual(new Set(ids).size, sessions)
  assert.include(stderr, "complete (proven)")
})

it("hb-sessions-export publishes a file that verifies", async () => {
  const directory = mkdtempSync(join(scratch, "export-"))
  await run("hb-sessions-export", ["run", "--out", directory])
  await run("hb-sessions-export", ["verify", "--out", directory])
  const manifest = JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8"))
  assert.include(JSON.stringify(manifest), "proven")
})

it("hb-sessions-proxy serves a page for a token that it made", async () => {
  const tokens = ["--tokens-file", join(mkdtempSync(join(scratch, "proxy-")), "tokens.json")]
  const { stdout } = await run("hb-sessions-proxy", ["token", "create", "--name", "team-a", ...tokens])
  const child = spawn("hb-sessions-proxy", ["serve", "--port", "0", ...tokens], {
    env: environment(),
    stdio: ["ignore", "pipe", "ignore"]
  })
  try {
    const { url } = JSON.parse(await firstLine(child))
    const ask = (key: string) => fetch(`${url}/api/sessions?page=1`, { headers: { "x-api-key": key } })
    const answer = await ask(stdout.trim())
    assert.strictEqual(answer.status, 200)
    assert.strictEqual(((await answer.json()) as { readonly totalCount: number }).totalCount, sessions)
    assert.strictEqual((await ask(apiKey)).status, 401)
  } finally {
    await stop(child)
  }
})

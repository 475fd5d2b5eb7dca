/**
 * What documents say that programs print or leave behind, beside the blocks that are followed.
 */
import { defaultApiKey, type RunningSimulator, startSimulator } from "@hb-sessions/simulator/Simulator"
import { execFile } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, it } from "vitest"
import { parse } from "../src/Markdown.ts"
import { programs } from "../src/Programs.ts"

const directory = mkdtempSync(join(tmpdir(), "hb-sessions-outputs-"))
let simulator: RunningSimulator

beforeAll(async () => {
  simulator = await startSimulator({ sessions: 2000 })
})

afterAll(async () => {
  await simulator.stop()
  rmSync(directory, { recursive: true })
})

const run = (program: string, ...args: ReadonlyArray<string>) =>
  promisify(execFile)(process.execPath, [programs.get(program) ?? program, ...args], {
    env: { HOME: directory, HYPERBROWSER_API_KEY: defaultApiKey, HYPERBROWSER_BASE_URL: simulator.url },
    maxBuffer: 1e8
  })

it("the CLI tells about a whole list in the words of its README, the time aside", async () => {
  const { stderr } = await run("hb-sessions", "list", "--all")
  const [shown, ...others] = parse("apps/cli/README.md").inlineCode.filter(({ text }) =>
    text.startsWith("2,000 sessions, ")
  )
  const withoutTime = (text = "") => text.trim().replace(/, [^,]+$/, "")
  assert.strictEqual(withoutTime(shown?.text), withoutTime(stderr))
  assert.lengthOf(others, 0)
})

it("the export leaves in its directory what its README lists", async () => {
  const out = join(directory, "exports")
  await run("hb-sessions-export", "run", "--out", out)
  const listing = parse("apps/export/README.md").blocks.find(({ text }) => text.startsWith("manifest.json "))
  const listed = (listing?.text ?? "").split("\n").map((line) => /^[\w.]+/.exec(line)?.[0] ?? "")
  const isVisible = (name: string) => !name.startsWith(".")
  assert.sameMembers(listed.filter(isVisible), readdirSync(out).filter(isVisible))
})

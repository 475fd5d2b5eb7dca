/**
 * The settings of the client mean the same in every app, however they are typed; and the documents say so.
 */
import { clientSettings } from "@hb-sessions/core/SessionsConfig"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { nodeEnv, programs } from "../src/Programs.ts"
import { read } from "../src/workspace.ts"

const scratch = mkdtempSync(join(tmpdir(), "hb-sessions-settings-"))
const server = createServer((_, response) => {
  response.setHeader("content-type", "application/json")
  response.end(JSON.stringify({ sessions: [], totalCount: 0, page: 1, pageSize: 10 }))
})
let url = ""

beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening")
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.close()
  rmSync(scratch, { recursive: true })
})

/** Each app with something that it can only do when all of its settings are right. */
const apps = {
  "hb-sessions": ["list", "--limit", "1", "--format", "ndjson"],
  "hb-sessions-export": ["run", "--dry-run", "--out", join(scratch, "out")],
  "hb-sessions-proxy": ["serve", "--without-tokens", "--port", "0", "--admin-port", "0"]
} as const

interface Outcome {
  readonly code: number | null
  readonly stderr: string
}

/** Runs an app to its end; a server that listens is ended, which counts as success. */
const run = async (name: keyof typeof apps, env: Readonly<Record<string, string>>): Promise<Outcome> => {
  const words = [programs.get(name) ?? name, ...apps[name]]
  const child: ChildProcess = spawn(process.execPath, words, {
    env: {
      ...nodeEnv,
      HOME: scratch,
      NO_COLOR: "1",
      HYPERBROWSER_API_KEY: "key-of-the-team",
      HYPERBROWSER_BASE_URL: url,
      ...env
    },
    stdio: ["ignore", "pipe", "pipe"]
  })
  let stderr = ""
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text
  })
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    if (text.includes("adminUrl")) child.kill("SIGTERM")
  })
  const [code] = await once(child, "close")
  return { code, stderr }
}

const variables = Object.fromEntries(
  Object.entries(clientSettings).map(([name, { variable }]) => [name, variable])
) as Readonly<Record<keyof typeof clientSettings, string>>

/** Every setting in one of its spellings, column by column. */
const spellings: Readonly<Record<Exclude<keyof typeof clientSettings, "baseUrl">, ReadonlyArray<string>>> = {
  attemptTimeout: ["10s", "10 seconds", "500ms", "1m", "1.5 minutes"],
  totalTimeout: ["20s", "20 seconds", "900ms", "2m", "1 hour"],
  retries: ["0", "3", "1", "2", "5"],
  maxRetryAfter: ["0", "5 seconds", "250ms", "1m", "1.5s"],
  maxRequestsPerSecond: ["0", "0.5", "20", "100", "7.25"],
  maxBodyBytes: ["16777216", "16m", "16M", "1 MiB", "64kb"]
}

const wrong: Readonly<Record<keyof typeof clientSettings, ReadonlyArray<string>>> = {
  baseUrl: ["ftp://example.com", "no url"],
  attemptTimeout: ["0", "1.5ms", "5"],
  totalTimeout: ["0s", "-1s"],
  retries: ["-1", "1.5", "many"],
  maxRetryAfter: ["soon", "999999999d"],
  maxRequestsPerSecond: ["-1", "Infinity", "fast"],
  maxBodyBytes: ["0", "1.5m", "99999999999g"]
}

describe.for(Object.keys(apps) as ReadonlyArray<keyof typeof apps>)("%s", (name) => {
  it.for([0, 1, 2, 3, 4])("takes spelling %i of every setting", async (column) => {
    const env = Object.fromEntries(
      Object.entries(spellings).map(([setting, texts]) => [
        variables[setting as keyof typeof spellings],
        texts[column] ?? ""
      ])
    )
    const { code, stderr } = await run(name, env)
    assert.strictEqual(code, 0, stderr)
  })

  it.for(Object.entries(wrong).flatMap(([setting, texts]) => texts.map((text) => [setting, text] as const)))(
    "rejects %s %s with the name of the variable",
    async ([setting, text]) => {
      const variable = variables[setting as keyof typeof clientSettings]
      const { code, stderr } = await run(name, { [variable]: text })
      assert.strictEqual(code, 2, stderr)
      assert.match(stderr, /^[^\n]+\n$/)
      assert.include(stderr, variable)
    }
  )
})

describe.for(["packages/core/README.md", "apps/cli/README.md", "apps/export/README.md"])("%s", (file) => {
  it.for(Object.entries(clientSettings))("tells the default of %s", ([, { default: fallback, shown, variable }]) => {
    const row = read(file)
      .split("\n")
      .find((line) => line.startsWith("|") && line.includes(`\`${variable}\``))
    assert.include(row, shown ?? fallback)
  })
})

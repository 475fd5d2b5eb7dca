/**
 * The settings of the client mean the same in every app, however they are typed; and the documents say so.
 */
import { fileKey, rows } from "@hb-sessions/app-kit/Setting"
import { inCode, plain, table, withSections } from "@hb-sessions/app-kit/withSections"
import { clientSettings } from "@hb-sessions/core/SessionsConfig"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { nodeEnv, programs } from "../src/Programs.ts"
import { read, root } from "../src/workspace.ts"

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

type Setting = keyof typeof clientSettings

/** Where a value can come from. */
type Source = "variable" | "flag" | "file"

/** The arguments and the environment of one run. */
interface Given {
  readonly args: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
}

/** How an app is given values, beside variables, and something that it can only do when all of them are right. */
const apps: Readonly<
  Record<
    string,
    {
      readonly args: ReadonlyArray<string>
      /** The flags that are settings of the client. */
      readonly flags: Readonly<Partial<Record<Setting, string>>>
      /** Names a file of settings; undefined for an app without one. */
      readonly file: ((path: string) => Given) | undefined
      /** Where in the file the settings are. */
      readonly table: string
    }
  >
> = {
  "hb-sessions": {
    args: ["list", "--limit", "1", "--format", "ndjson"],
    flags: { baseUrl: "--base-url" },
    file: (path) => {
      mkdirSync(join(dirname(path), "hb-sessions"), { recursive: true })
      copyFileSync(path, join(dirname(path), "hb-sessions", "config.toml"))
      return { args: [], env: { XDG_CONFIG_HOME: dirname(path) } }
    },
    table: "[profiles.default]"
  },
  "hb-sessions-export": {
    args: ["run", "--dry-run", "--out", join(scratch, "out")],
    flags: {},
    file: (path) => ({ args: ["--config", path], env: {} }),
    table: ""
  },
  "hb-sessions-proxy": {
    args: ["serve", "--without-tokens", "--port", "0", "--admin-port", "0"],
    flags: {
      attemptTimeout: "--attempt-timeout",
      totalTimeout: "--deadline",
      retries: "--retries",
      maxRetryAfter: "--max-retry-after",
      maxRequestsPerSecond: "--upstream-rate",
      maxBodyBytes: "--max-body-bytes"
    },
    file: undefined,
    table: ""
  }
}

interface Outcome {
  readonly code: number | null
  readonly stderr: string
}

/** Runs an app to its end; a server that listens is ended, which counts as success. */
const run = async (name: string, given: Given): Promise<Outcome> => {
  const words = [programs.get(name) ?? name, ...(apps[name]?.args ?? []), ...given.args]
  const child: ChildProcess = spawn(process.execPath, words, {
    env: {
      ...nodeEnv,
      HOME: scratch,
      NO_COLOR: "1",
      HYPERBROWSER_API_KEY: "key-of-the-team",
      ...given.env
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

type Texts = Readonly<Partial<Record<Setting, string>>>

const isSetting = (name: string): name is Setting => Object.hasOwn(clientSettings, name)
const settings = Object.keys(clientSettings).filter(isSetting)

/** What a source calls a setting; undefined where an app has it not. */
const nameIn = (source: Source, app: string, setting: Setting): string | undefined => {
  switch (source) {
    case "variable":
      return clientSettings[setting].variable
    case "flag":
      return apps[app]?.flags[setting]
    case "file":
      return apps[app]?.file === undefined ? undefined : fileKey(setting)
  }
}

/** Gives an app the texts from one source; the server, which has to be there, is a variable unless it is given. */
const give = (source: Source, app: string, texts: Texts): Given => {
  const named = settings.flatMap((setting) => {
    const name = nameIn(source, app, setting)
    const text = texts[setting]
    return name === undefined || text === undefined ? [] : [[name, text] as const]
  })
  const isElsewhere = texts.baseUrl === undefined || nameIn(source, app, "baseUrl") === undefined
  const env: Record<string, string> = isElsewhere ? { [clientSettings.baseUrl.variable]: url } : {}
  switch (source) {
    case "variable":
      return { args: [], env: { ...env, ...Object.fromEntries(named) } }
    case "flag":
      return { args: named.map(([flag, text]) => `${flag}=${text}`), env }
    case "file": {
      const path = join(mkdtempSync(join(scratch, "file-")), "settings.toml")
      const lines = named.map(([key, text]) => `${key} = ${JSON.stringify(text)}`)
      writeFileSync(path, [apps[app]?.table, ...lines, ""].join("\n"))
      const given = apps[app]?.file?.(path)
      return { args: given?.args ?? [], env: { ...env, ...given?.env } }
    }
  }
}

/** Every setting in one of its spellings, column by column. */
const spellings: Readonly<Record<Setting, ReadonlyArray<string>>> = {
  baseUrl: ["", "/", "/", "", "/"],
  attemptTimeout: ["10s", "10 seconds", "500ms", "1m", "1.5 minutes"],
  totalTimeout: ["20s", "20 seconds", "900ms", "2m", "1 hour"],
  retries: ["0", "3", "1", "2", "5"],
  maxRetryAfter: ["0", "5 seconds", "250ms", "1m", "1.5s"],
  maxRequestsPerSecond: ["0", "0.5", "20", "100", "7.25"],
  maxBodyBytes: ["16777216", "16m", "16M", "1 MiB", "64kb"]
}

const wrong: Readonly<Record<Setting, ReadonlyArray<string>>> = {
  baseUrl: ["ftp://example.com", "no url"],
  attemptTimeout: ["0", "1.5ms", "5"],
  totalTimeout: ["0s", "-1s"],
  retries: ["-1", "1.5", "many", "1e1"],
  maxRetryAfter: ["soon", "999999999d"],
  maxRequestsPerSecond: ["-1", "Infinity", "fast"],
  maxBodyBytes: ["0", "1.5m", "99999999999g"]
}

const pairs = Object.keys(apps).flatMap((app) =>
  (["variable", "flag", "file"] as const)
    .filter((source) => settings.some((setting) => nameIn(source, app, setting) !== undefined))
    .map((source) => ({ app, source }))
)

it("every app takes every setting from somewhere, and from its file if it has one", () => {
  assert.deepStrictEqual(
    pairs.map(({ app, source }) => `${app} ${source}`),
    [
      "hb-sessions variable",
      "hb-sessions flag",
      "hb-sessions file",
      "hb-sessions-export variable",
      "hb-sessions-export file",
      "hb-sessions-proxy variable",
      "hb-sessions-proxy flag"
    ]
  )
})

const isFull = process.env["HB_SESSIONS_TEST_FULL"] === "1"

/** Of the wrong texts of a setting, which every app reads alike, another one each time: all of them in turn. */
const wrongIn = (setting: Setting, turn: number): ReadonlyArray<string> => {
  const all = wrong[setting]
  return isFull ? all : all.slice(turn % all.length, (turn % all.length) + 1)
}

it("every wrong text is given to an app", () => {
  for (const setting of settings) {
    const turns = pairs.flatMap(({ app, source }, index) =>
      nameIn(source, app, setting) === undefined ? [] : wrongIn(setting, index)
    )
    assert.sameMembers([...new Set(turns)], [...wrong[setting]])
  }
})

describe.for(pairs.map((pair, index) => ({ ...pair, index })))("a $source of $app", ({ app, index, source }) => {
  const taken = settings.filter((setting) => nameIn(source, app, setting) !== undefined)

  it.for([0, 1, 2, 3, 4])("has spelling %i of every setting", async (column) => {
    const texts = Object.fromEntries(
      taken.map((setting) => {
        const spelling = spellings[setting][column] ?? ""
        return [setting, setting === "baseUrl" ? `${url}${spelling}` : spelling]
      })
    )
    const { code, stderr } = await run(app, give(source, app, texts))
    assert.strictEqual(code, 0, stderr)
  })

  it.for(taken.flatMap((setting) => wrongIn(setting, index).map((text) => [setting, text] as const)))(
    "that says %s is %s is rejected by its name",
    async ([setting, text]) => {
      const { code, stderr } = await run(app, give(source, app, { [setting]: text }))
      assert.strictEqual(code, 2, stderr)
      assert.match(stderr, /^[^\n]+\n$/)
      const name = nameIn(source, app, setting) ?? ""
      assert.match(stderr, new RegExp(`(?:^|[ .])${name}: expected `))
    }
  )
})

it("core's README holds the settings as they are", () => {
  const file = "packages/core/README.md"
  const before = read(file)
  const after = withSections(before, {
    settings: table(
      ["option", "variable", "meaning", "default"],
      [
        ["`apiKey`", "`HYPERBROWSER_API_KEY`", "The team's API key", "required"],
        ...rows(clientSettings).map(({ default: fallback, meaning, name, variable }) => [
          inCode(name),
          inCode(variable),
          meaning,
          fallback
        ])
      ]
    )
  })
  if (process.env["UPDATE_README"] === "1") writeFileSync(join(root, file), after)
  else assert.strictEqual(plain(before), plain(after), "run UPDATE_README=1 vitest run test/settings.test.ts")
})

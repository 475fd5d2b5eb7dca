/**
 * `startup`: how long a person waits for the terminal.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { compare, type Contestant } from "./Comparison.ts"
import { findPeers, installPeers, quietly } from "./peers.ts"
import { above, atMost, comparisonTable, ratioTo, type Section } from "./Report.ts"
import { withUpstream } from "./upstream.ts"

const cli = fileURLToPath(import.meta.resolve("@hb-sessions/cli/dist/bin.js"))
const sdkScript = fileURLToPath(new URL("./sdkScript.js", import.meta.url))

const httpScript = fileURLToPath(new URL("./httpScript.js", import.meta.url))
const undiciScript = fileURLToPath(new URL("./undiciScript.js", import.meta.url))

/** A lower bound: no program that sends a request takes less. */
const LEAST = "the least script that prints one page"

/** From marks in the built program, and from a sampled profile of it. */
const LIST =
  "A program of `effect/cli` with one flag, built the same way, takes 2.4 times the CPU time of bare Node, and the least script with undici 5 times; ours takes 5.9. Nearly half of what it takes beyond bare Node loads and evaluates 520 kB of program from the compile cache, with Node's own modules for requests, streams and files; the rest is code that runs for the first time: for arguments, profile and settings, the request, the page and its rows."

const VERCEL = "It prints a text that was made when it was built; ours builds its command tree and renders it."

const flags = ["--version", "--help"] as const

/** Makes contestants that run Node with an empty home. */
const makeProcess =
  (env: Readonly<Record<string, string>>) =>
  (name: string, ...args: ReadonlyArray<string>): Contestant => ({
    name,
    run: async () => {
      const [code] = await once(spawn(process.execPath, args, { env, stdio: "ignore" }), "close")
      return code
    }
  })

export const startup = async (rounds: number, isQuick: boolean): Promise<Section> => {
  const { missing, peers } = await (isQuick ? findPeers() : installPeers())
  const home = mkdtempSync(join(tmpdir(), "hb-sessions-bench-"))
  try {
    return await withUpstream(["--sessions", "1000"], async ({ apiKey, url }) => {
      const contestant = makeProcess({
        PATH: process.env["PATH"] ?? "",
        HOME: home,
        HYPERBROWSER_API_KEY: apiKey,
        HYPERBROWSER_BASE_URL: url,
        ...quietly
      })
      const results = await compare({
        rounds,
        warmups: 2,
        contestants: [
          contestant("bare Node (`node -e 0`)", "-e", "0"),
          ...flags.map((flag) => contestant(`\`hb-sessions ${flag}\``, cli, flag)),
          ...peers.flatMap(({ file, name }) => flags.map((flag) => contestant(`\`${name} ${flag}\``, file, flag))),
          contestant("`hb-sessions list --limit 1`", cli, "list", "--limit", "1"),
          contestant("a script that lists one page with @hyperbrowser/sdk", sdkScript),
          contestant(`${LEAST} with \`node:http\``, httpScript),
          contestant(`${LEAST} with undici`, undiciScript)
        ]
      })
      const table = comparisonTable(results, "ms")
      return {
        name: "startup",
        work: "Start a process, do one thing, exit; wall time relative to bare Node.",
        tables: [{ ...table, columns: ["process", "times bare Node", "range", "ms"] }],
        claims: [
          atMost("`--version` ÷ bare Node", 1.6, ratioTo(results, "`hb-sessions --version`")),
          atMost("`--help` ÷ bare Node", 3.5, ratioTo(results, "`hb-sessions --help`")),
          ...flags.flatMap((flag) =>
            peers.map(({ name }) =>
              above(
                `\`${name} ${flag}\` ÷ ours`,
                1,
                ratioTo(results, `\`${name} ${flag}\``) / ratioTo(results, `\`hb-sessions ${flag}\``),
                flag === "--help" && name === "vercel" ? { cause: VERCEL } : {}
              )
            )
          ),
          atMost("`list --limit 1` ÷ bare Node", 3, ratioTo(results, "`hb-sessions list"), { cause: LIST }),
          above(
            "a script with the SDK ÷ `list --limit 1`",
            1,
            ratioTo(results, "a script") / ratioTo(results, "`hb-sessions list")
          )
        ],
        notes: missing.map(
          (name) => `\`${name}\` ${isQuick ? "is not installed" : "could not be installed"}, so it is left out.`
        )
      }
    })
  } finally {
    rmSync(home, { recursive: true })
  }
}

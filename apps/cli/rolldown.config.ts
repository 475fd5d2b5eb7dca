import { thirdPartyNotices } from "@hb-sessions/bundle/thirdPartyNotices"
import { execFileSync } from "node:child_process"
import { defineConfig, type Plugin } from "rolldown"

const help = (color: "NO_COLOR" | "FORCE_COLOR"): string =>
  execFileSync(process.execPath, ["src/bin.ts", "--help"], {
    cwd: import.meta.dirname,
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "", [color]: "1" }
  })

/** Writes what `--help` prints into the program, so that it need not be put together each time. */
const builtHelp = (): Plugin => ({
  name: "built-help",
  load: (id) => {
    if (!id.endsWith("/src/builtHelp.ts")) return null
    const texts = { plain: help("NO_COLOR"), colored: help("FORCE_COLOR") }
    return `export const builtHelp = ${JSON.stringify(texts)}`
  }
})

export default defineConfig({
  input: "src/bin.ts",
  platform: "node",
  plugins: [thirdPartyNotices(), builtHelp()],
  output: { dir: "dist", format: "esm", minify: true, cleanDir: true, chunkFileNames: "[name]-[hash].js" }
})

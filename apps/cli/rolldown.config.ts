import { lazySegmenter } from "@hb-sessions/bundle/lazySegmenter"
import { thirdPartyNotices } from "@hb-sessions/bundle/thirdPartyNotices"
import { execFileSync } from "node:child_process"
import { join } from "node:path"
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

/** What tells the imports of a module. */
interface Modules {
  readonly getModuleInfo: (id: string) => { readonly importedIds: ReadonlyArray<string> } | null
}

const reached = new Map<string, ReadonlySet<string>>()

/** The modules that one of `src` loads with it. */
const loadedWith = (file: string, modules: Modules): ReadonlySet<string> => {
  const known = reached.get(file)
  if (known !== undefined) return known
  const found = new Set([join(import.meta.dirname, "src", file)])
  // A set goes on to what is added to it meanwhile.
  for (const id of found) for (const imported of modules.getModuleInfo(id)?.importedIds ?? []) found.add(imported)
  reached.set(file, found)
  return found
}

/** Modules that are always loaded together are one file, as each file takes half a millisecond to find and to open. */
const chunkOf = (id: string, modules: Modules): string | null => {
  if (loadedWith("bin.ts", modules).has(id)) return null
  if (loadedWith("main.ts", modules).has(id)) return "program"
  return loadedWith("commands/list/run.ts", modules).has(id) ? "reading" : null
}

export default defineConfig({
  input: "src/bin.ts",
  platform: "node",
  plugins: [lazySegmenter(), thirdPartyNotices(), builtHelp()],
  output: {
    dir: "dist",
    format: "esm",
    minify: true,
    cleanDir: true,
    chunkFileNames: "[name]-[hash].js",
    codeSplitting: {
      groups: [
        // With `reading`, which uses it too, the entry would load all of that.
        { name: "manifest", test: /\/package\.json$/, priority: 1 },
        { name: chunkOf }
      ]
    }
  }
})

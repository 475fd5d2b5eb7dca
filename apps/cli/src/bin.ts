#!/usr/bin/env node
/**
 * The door: it answers `--version` by itself and loads the program for everything else, from the compile cache.
 */
import { enableCompileCache } from "node:module"
import manifest from "../package.json" with { type: "json" }

const [first, ...rest] = process.argv.slice(2)

if (rest.length === 0 && (first === "--version" || first === "-v")) {
  process.stdout.write(`hb-sessions v${manifest.version}\n`)
} else {
  enableCompileCache()
  const { main } = await import("./main.ts")
  main(manifest.version)
}

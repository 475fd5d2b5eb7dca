#!/usr/bin/env node
/**
 * The entry point: prints `--version` and `--help` itself, and loads the program for everything else from the compile
 * cache.
 */
import nodeModule from "node:module"
import manifest from "../package.json" with { type: "json" }
import { builtHelp } from "./builtHelp.ts"

// `help list` is `list --help`.
if (process.argv[2] === "help") process.argv.splice(2, Infinity, ...process.argv.slice(3), "--help")

const [first, ...rest] = process.argv.slice(2)
const isAlone = rest.length === 0

/** The rule of `app-kit/run`. */
const canColor = (): boolean => {
  const { FORCE_COLOR = "", NO_COLOR = "", TERM } = process.env
  if (TERM === "dumb" || NO_COLOR !== "" || ["0", "false"].includes(FORCE_COLOR.toLowerCase())) return false
  return FORCE_COLOR !== "" || process.stdout.isTTY
}

if (isAlone && (first === "--version" || first === "-v")) {
  process.stdout.write(`hb-sessions v${manifest.version}\n`)
} else if (isAlone && (first === "--help" || first === "-h") && builtHelp !== undefined) {
  process.stdout.write(canColor() ? builtHelp.colored : builtHelp.plain)
} else {
  // Node 20 has none; `main` rejects it.
  nodeModule.enableCompileCache?.()
  const { main } = await import("./main.ts")
  main(manifest.version)
}

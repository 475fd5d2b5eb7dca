#!/usr/bin/env node
/**
 * Entry point of `hb-sessions-simulator`.
 */
import { readFileSync } from "node:fs"
import { command } from "./Command.ts"
import { runMain } from "./internal/runMain.ts"

const manifest: { readonly version: string } = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8")
)

runMain(command, manifest)

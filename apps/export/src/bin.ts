#!/usr/bin/env node
import { run } from "@hb-sessions/app-kit/run"
import manifest from "../package.json" with { type: "json" }
import { hbSessionsExport } from "./commands/hb-sessions-export.ts"

run(hbSessionsExport, { version: manifest.version })

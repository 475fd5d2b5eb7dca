#!/usr/bin/env node
import { run } from "@hb-sessions/app-kit/run"
import manifest from "../package.json" with { type: "json" }
import { hbSessions } from "./commands/hb-sessions.ts"

run(hbSessions, { version: manifest.version })

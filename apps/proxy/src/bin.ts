#!/usr/bin/env node
import { run } from "@hb-sessions/app-kit/run"
import manifest from "../package.json" with { type: "json" }
import { hbSessionsProxy } from "./commands/hb-sessions-proxy.ts"

run(hbSessionsProxy, { version: manifest.version, interruptedCode: 0 })

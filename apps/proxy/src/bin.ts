#!/usr/bin/env node
import { run } from "@hb-sessions/app-kit/run"
import manifest from "../package.json" with { type: "json" }
import { collectOnOneThread } from "./collectOnOneThread.ts"
import { hbSessionsProxy } from "./commands/hb-sessions-proxy.ts"

collectOnOneThread()
run(hbSessionsProxy, { version: manifest.version, interruptedCode: 0 })

#!/usr/bin/env node
import { boundYoungGeneration } from "@hb-sessions/app-kit/boundYoungGeneration"
import { run } from "@hb-sessions/app-kit/run"
import manifest from "../package.json" with { type: "json" }
import { hbSessionsExport } from "./commands/hb-sessions-export.ts"
import { exitCodes } from "./exitCodes.ts"
import { reportFailure } from "./reportFailure.ts"
import { listen } from "./signals.ts"

listen()
boundYoungGeneration()
run(hbSessionsExport, { version: manifest.version, interruptedCode: exitCodes.stopped, report: reportFailure })

/**
 * The program: the command tree, run as the process.
 */
import { run } from "@hb-sessions/app-kit/run"
import * as CliConfig from "effect/cli/CliConfig"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { hbSessions } from "./commands/hb-sessions.ts"
import { reportFailure } from "./terminal/reportFailure.ts"

export const main = (version: string): void =>
  run(hbSessions, {
    version,
    report: reportFailure,
    layer: CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })
  })

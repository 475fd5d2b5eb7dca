/**
 * The program: the command tree, run as the process.
 */
import { boundYoungGeneration } from "@hb-sessions/app-kit/boundYoungGeneration"
import { run } from "@hb-sessions/app-kit/run"
import * as CliConfig from "effect/cli/CliConfig"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { hbSessions } from "./commands/hb-sessions.ts"
import { reportFailure } from "./output/reportFailure.ts"

/** `--help` of a command that does not exist is a usage error, which the parser only reports without `--help`. */
export const withoutVainHelp = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [first = ""] = args
  const names = hbSessions.subcommands.flatMap(({ commands }) => commands.flatMap(({ alias, name }) => [name, alias]))
  return first.startsWith("-") || names.includes(first) ? args : args.filter((arg) => arg !== "--help" && arg !== "-h")
}

export const options = {
  report: reportFailure,
  layer: CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })
}

export const main = (version: string): void => {
  process.argv.splice(2, Infinity, ...withoutVainHelp(process.argv.slice(2)))
  boundYoungGeneration()
  run(hbSessions, { version, ...options })
}

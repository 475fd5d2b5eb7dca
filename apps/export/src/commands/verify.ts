/**
 * `hb-sessions-export verify`
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { exitCodes, orDiskError } from "../exitCodes.ts"
import { verify } from "../Verify.ts"
import { withSettings } from "./environment.ts"
import { outConfig, outFlags } from "./flags.ts"

export const verifyExport = Command.make("verify", outFlags, (input) =>
  Effect.gen(function* () {
    const directory = yield* outConfig
    const { files, generations, manifest, problems } = yield* orDiskError(verify(directory))
    yield* Effect.forEach(problems, (problem) => Console.error(problem), { discard: true })
    if (problems.length > 0) {
      return yield* new AppError({
        message: `${directory} is damaged (${problems.length} of ${files} files or links); restore it from a backup, or export anew`,
        exitCode: exitCodes.disk
      })
    }
    yield* Console.log(
      `verified ${files} files of ${generations} generations in ${directory}: as published; generation ${manifest.generation} is ${manifest.completeness}`
    )
  }).pipe(withSettings(input))
).pipe(
  Command.withDescription(
    "Recompute the size, the digest and the rows of every published file. Exit code 74 if one differs."
  ),
  Command.withExamples([
    {
      command: "hb-sessions-export verify --out /var/lib/exports",
      description: "Read everything below /var/lib/exports"
    }
  ])
)

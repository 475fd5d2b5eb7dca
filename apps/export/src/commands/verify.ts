/**
 * `hb-sessions-export verify`
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { exitCodes, orDiskError } from "../exitCodes.ts"
import { verify } from "../publish/Verify.ts"
import { withSettings } from "../settings/environment.ts"
import { expectedConfig, outConfig, outFlags, verifyFlags } from "../settings/flags.ts"

export const verifyExport = Command.make("verify", { ...outFlags, ...verifyFlags }, (input) =>
  Effect.gen(function* () {
    const directory = yield* outConfig
    const { files, generations, manifest, problems, sha256 } = yield* orDiskError(
      verify(directory, yield* expectedConfig)
    )
    yield* Effect.forEach(problems, (problem) => Console.error(problem), { discard: true })
    if (problems.length > 0) {
      return yield* new AppError({
        message: `${directory} is not what was published (${problems.length} problems, ${files} files looked at); restore it from a backup, or export anew`,
        exitCode: exitCodes.disk
      })
    }
    yield* Console.log(
      `verified ${files} files of ${generations} generations in ${directory}: as published; generation ${manifest.generation} is ${manifest.completeness}, digest ${sha256}`
    )
  }).pipe(withSettings(input))
).pipe(
  Command.withDescription(
    "Prove that a directory is exactly what was published last: the size, digest and rows of every file, the chain of manifests, and nothing else. Exit code 74 if not. A whole older state that was put back is told only by what was noted elsewhere: --expect-generation, --expect-digest."
  ),
  Command.withExamples([
    {
      command: "hb-sessions-export verify --out /var/lib/exports",
      description: "Read everything below /var/lib/exports"
    }
  ])
)

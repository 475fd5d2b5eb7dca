/**
 * `hb-sessions-export verify`
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import { flagsOf } from "@hb-sessions/app-kit/Setting"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { exitCodes, orDiskError } from "../exitCodes.ts"
import { Destination } from "../publish/Destination.ts"
import { verify } from "../publish/Verify.ts"
import type { Done } from "../operations/AccountOutcome.ts"
import { selected, within } from "../settings/accounts.ts"
import { withSettings } from "../settings/environment.ts"
import { expectedConfig } from "../settings/configs.ts"
import { inTable } from "./inTable.ts"
import { accountSettings, outSettings, verifySettings } from "../settings/runSettings.ts"

/** Verifies the destination of the settings. */
const verifyOne = Effect.gen(function* () {
  const { name } = yield* Destination
  const { files, generations, manifest, problems, sha256 } = yield* orDiskError(verify(yield* expectedConfig))
  yield* Effect.forEach(problems, (problem) => Console.error(problem), { discard: true })
  if (problems.length > 0) {
    return yield* new AppError({
      message: `${name} is not as published (${problems.length} problems in ${files} files); restore it from a backup, or export again`,
      exitCode: exitCodes.disk
    })
  }
  yield* Console.log(
    `verified ${files} files of ${generations} generations in ${name}; generation ${manifest.generation} is ${manifest.completeness}, digest ${sha256}`
  )
  return manifest
})

const verifyAccounts = inTable(({ account, given }) =>
  verifyOne.pipe(
    Effect.map(({ completeness, current }): Done => ({ outcome: "verified", rows: current, completeness })),
    withSettings(given),
    within(account)
  )
)

export const verifyExport = Command.make(
  "verify",
  flagsOf({ ...outSettings, ...accountSettings, ...verifySettings }),
  (given) =>
    Effect.flatMap(
      selected(given),
      Option.match({
        onSome: verifyAccounts,
        onNone: () => Effect.asVoid(verifyOne).pipe(withSettings(given))
      })
    )
).pipe(
  Command.withDescription(
    "Prove that a directory is exactly as last published: the size, digest and rows of every file, the chain of manifests, and no other files. Exits with code 74 if not. To detect an older state that was restored as a whole, give --expect-generation and --expect-digest, as recorded elsewhere."
  ),
  Command.withExamples([
    {
      command: "hb-sessions-export verify --out /var/lib/exports",
      description: "Read everything below /var/lib/exports"
    }
  ])
)

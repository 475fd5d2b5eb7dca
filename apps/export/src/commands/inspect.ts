/**
 * `hb-sessions-export inspect`
 */
import { flagsOf } from "@hb-sessions/app-kit/Setting"
import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { exitCodes, fail, orDiskError } from "../exitCodes.ts"
import * as Staleness from "../operations/Staleness.ts"
import { preview, toLines } from "../publish/Preview.ts"
import type { Done } from "../operations/AccountOutcome.ts"
import { selected, within } from "../settings/accounts.ts"
import { withSettings } from "../settings/environment.ts"
import { notifyConfig } from "../settings/configs.ts"
import { inTable } from "./inTable.ts"
import { accountSettings, runSettings } from "../settings/runSettings.ts"
import { readSettingsWithoutKey } from "../settings/readSettings.ts"

/** Whether the last success is longer ago than `--stale-after`, as a line and as the failure that follows from it. */
const freshnessOf = Effect.fnUntraced(function* (lastSuccess: string | undefined) {
  const { staleAfter } = yield* notifyConfig
  if (Option.isNone(staleAfter)) return { lines: [], verdict: Effect.void }
  const now = yield* Clock.currentTimeMillis
  const problem = Staleness.problem({ lastSuccess, staleAfter: staleAfter.value, now })
  if (problem === undefined) return { lines: ["not stale"], verdict: Effect.void }
  const limit = Duration.format(staleAfter.value)
  const verdict = fail(
    exitCodes.unproven,
    `the export is stale: ${problem} (--stale-after ${limit}); look for the reason in the log of its runs`
  )
  return { lines: [`stale: ${problem}`], verdict }
})

/** Inspects the destination of the settings; its lines come at once, below a title if there is one. */
const inspectOne = Effect.fnUntraced(function* (title: ReadonlyArray<string>) {
  const settings = yield* readSettingsWithoutKey
  const found = yield* orDiskError(preview(settings))
  const { lines, verdict } = yield* freshnessOf(found.manifest?.ended)
  yield* Console.log([...title, ...toLines(found), ...lines].join("\n"))
  yield* verdict
  return found.manifest
})

const inspectAccounts = inTable(({ account, given }) =>
  inspectOne([`${account.name}:`]).pipe(
    Effect.map((manifest): Done =>
      manifest === undefined
        ? { outcome: "nothing published" }
        : { outcome: `generation ${manifest.generation}`, rows: manifest.current, completeness: manifest.completeness }
    ),
    withSettings(given),
    within(account)
  )
)

export const inspectExport = Command.make("inspect", flagsOf({ ...runSettings, ...accountSettings }), (given) =>
  Effect.flatMap(
    selected(given),
    Option.match({
      onSome: inspectAccounts,
      onNone: () => Effect.asVoid(inspectOne([])).pipe(withSettings(given))
    })
  )
).pipe(
  Command.withDescription(
    "Print what is published, where the bookmark is, and what the next run with these flags would do. Writes nothing. With --stale-after, exits with code 5 if the last success is longer ago."
  ),
  Command.withExamples([
    { command: "hb-sessions-export inspect --out /var/lib/exports", description: "Look at /var/lib/exports" },
    {
      command: "hb-sessions-export inspect --out /var/lib/exports --stale-after 2d",
      description: "Fail if no run has succeeded for two days"
    }
  ])
)

/**
 * The checks before a generation is published: the account, completeness and size.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as Effect from "effect/Effect"
import { exitCodes } from "../exitCodes.ts"
import * as Quarantine from "../read/Quarantine.ts"
import type { Attempt } from "../read/readList.ts"
import type { Settings } from "../settings/Settings.ts"
import { checkSame, isOf, joinTeams } from "./Account.ts"
import { checkShrink } from "./Guards.ts"
import type { Manifest } from "./Manifest.ts"

/** With an unknown key, one request checks that the team is the same before the read starts. */
export const checkKey = Effect.fn("checkRead.checkKey")(function* (settings: Settings, previous: Manifest | undefined) {
  if (previous === undefined || settings.key === undefined || isOf(previous.account.key, settings.key)) return
  if (settings.fullRefresh) return
  const client = yield* SessionsClient
  const { sessions } = yield* client.getPage({
    page: 1,
    ...(settings.pageSize === undefined ? {} : { limit: settings.pageSize })
  })
  yield* checkAccount(
    settings,
    previous,
    joinTeams(
      [],
      sessions.flatMap(({ teamId }) => teamId ?? [])
    )
  )
})

const checkAccount = (
  { acceptAccountChange, fullRefresh, key }: Settings,
  previous: Manifest | undefined,
  teams: ReadonlyArray<string>
) =>
  previous === undefined || key === undefined || fullRefresh || acceptAccountChange
    ? Effect.void
    : checkSame({ published: previous.account, generation: previous.generation, key, teams })

/** Rejects a read that must not be published; `current` is the number of sessions that the data would hold. */
export const checkRead = Effect.fn("checkRead")(function* (
  settings: Settings,
  previous: Manifest | undefined,
  attempt: Attempt,
  current: number
) {
  yield* checkCompleteness(settings, attempt)
  yield* checkAccount(settings, previous, attempt.gathered.progress.teams)
  yield* checkShrink(settings, previous, { current, report: attempt.gathered.report })
})

/** Rejects a read with fewer sessions than were proven, and with `strict` an unproven one. */
const checkCompleteness = Effect.fnUntraced(function* (
  { maxQuarantine, strict }: Settings,
  { gathered, plan }: Attempt
) {
  const { distinct, parts, progress, quarantine, receivedNow, report, written } = gathered
  yield* Quarantine.check({
    quarantined: quarantine.state.rows,
    // A partial read is measured against the whole list, or one odd row could fail every run.
    received: Math.max(progress.received, (report.totalCountLast ?? 0) - quarantine.state.rows),
    most: maxQuarantine
  })
  const { completeness } = report
  const rows = parts.reduce((sum, part) => sum + part.rows, 0)
  const isShort =
    receivedNow !== report.emittedRows ||
    rows !== written ||
    (completeness.status === "proven" && plan.readSince === undefined && distinct < report.distinctRows)
  if (isShort) {
    return yield* new AppError({
      message: `fewer sessions were received (${distinct}) than the list was proven to hold (${report.distinctRows}); nothing is published; please report this bug`,
      exitCode: exitCodes.unproven
    })
  }
  if (strict && completeness.status === "unproven") {
    return yield* new AppError({
      message: `completeness is unproven (${completeness.reason}), and --strict was given; nothing is published; try again at a quieter time or with a larger --page-size`,
      exitCode: exitCodes.unproven
    })
  }
})

/**
 * The report of a read as one line.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import type { ScanReport, UnprovenReason } from "@hb-sessions/core/ScanReport"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Diagnostics } from "../output/Diagnostics.ts"
import { counted, duration } from "../output/text.ts"

const reasons: Record<UnprovenReason, string> = {
  fast: "it was read once, as --consistency fast asks",
  "no-total": "the server does not send a total",
  unsettled: "the list changed faster than it could be read again",
  contradicted: "the server's answers contradict each other",
  "stopped-early": "it was read only down to --since, and sessions may have left it meanwhile",
  "unreadable-rows": "it has rows without a usable id that read alike, so they cannot be counted"
}

const remedies: Record<UnprovenReason, string> = {
  fast: "use --consistency verified",
  "no-total": "compare with a second run",
  unsettled: "try again with a larger --page-size or --concurrency",
  contradicted: "try again later",
  "stopped-early": "leave out --since, or --status",
  "unreadable-rows": "report the rows to the vendor; hb-sessions doctor shows what is wrong with them"
}

/** How many rows are no sessions; undefined for none. */
export const unreadableOf = (rows: number): string | undefined =>
  rows === 0 ? undefined : `${counted(rows, "row")} without a usable id left out`

/** How many values were taken as absent; undefined for none. */
export const ignoredOf = (values: Readonly<Record<string, number>>): string | undefined => {
  const sum = Object.values(values).reduce((all, count) => all + count, 0)
  return sum === 0 ? undefined : `${counted(sum, "value")} without a meaning taken as absent`
}

/** Whether everything that was read is proven complete, and had a meaning. */
const isPlain = ({ completeness, ignoredValues, unreadableRows }: ScanReport): boolean =>
  completeness.status === "proven" && unreadableRows === 0 && ignoredOf(ignoredValues) === undefined

/** `2,000 sessions, complete (proven), 1 row without a usable id left out, 201 requests, 1.2 s`. */
export const summaryOf = (report: ScanReport, sessions: number, millis?: number): string => {
  const { completeness, requests } = report
  const claim =
    completeness.status === "proven"
      ? "complete (proven)"
      : `not proven complete (${completeness.reason}: ${completeness.detail ?? reasons[completeness.reason]})`
  const parts = [
    counted(sessions, "session"),
    claim,
    unreadableOf(report.unreadableRows),
    ignoredOf(report.ignoredValues),
    counted(requests, "request"),
    millis === undefined ? undefined : duration(millis)
  ]
  return parts.filter((part) => part !== undefined).join(", ")
}

/** Prints the summary of a read that ended; of one without a flaw only with `--verbose`. */
export const saySummary = Effect.fnUntraced(function* (
  report: Option.Option<ScanReport>,
  sessions: number,
  millis?: number
) {
  if (Option.isNone(report)) return
  const diagnostics = yield* Diagnostics
  const line = summaryOf(report.value, sessions, millis)
  yield* isPlain(report.value) ? diagnostics.detail(line) : diagnostics.say(line)
})

/** Why `--strict` rejects a read; undefined when it is proven. */
export const unproven = ({ completeness }: ScanReport): AppError | undefined =>
  completeness.status === "proven"
    ? undefined
    : new AppError({
        message: `not proven that nothing is missing: ${completeness.detail ?? reasons[completeness.reason]}; ${remedies[completeness.reason]}`,
        exitCode: exitCodes.unproven
      })

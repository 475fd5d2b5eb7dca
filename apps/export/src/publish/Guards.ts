/**
 * What is not published, although it was read: what would replace more than it should.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import * as Effect from "effect/Effect"
import { exitCodes } from "../exitCodes.ts"
import type { Manifest } from "./Manifest.ts"
import { differences } from "../settings/Selection.ts"
import type { Settings } from "../settings/Settings.ts"

/** Rejects settings that do not fit what is published. */
export const checkSettings = Effect.fnUntraced(function* (settings: Settings, published: Manifest | undefined) {
  if (published === undefined || settings.fullRefresh) return
  const found = differences(published.selection, settings.selection)
  if (found.length === 0) return
  const told = found.map(({ is, name, was }) => `${name} was ${was} and is ${is}`).join("; ")
  return yield* new AppError({
    message: `generation ${published.generation} was exported with other settings: ${told}; give the same settings again or another --out, or --full-refresh to replace what is published`,
    exitCode: exitCodes.usage
  })
})

/** What is about to be published, as far as its size tells whether something is wrong. */
export interface Size {
  /** Different sessions in the whole data, without those that have left. */
  readonly current: number
  readonly report: ScanReport
}

/**
 * Rejects an export that lost too much since the last time.
 *
 * **Details**
 *
 * The number of sessions that a filter leaves may change as it likes; so with a filter the length of the whole list is
 * compared instead, as long as the read is proven and the length is known.
 */
export const checkShrink = Effect.fnUntraced(function* (
  { allowShrink, minShare, selection }: Settings,
  published: Manifest | undefined,
  found: Size
) {
  if (allowShrink) return
  const { report } = found
  const isFiltered = selection.status.length > 0 || selection.since !== undefined || selection.until !== undefined
  const isProven = report.completeness.status === "proven"
  const isLessOf = (was: number, is: number) => was > 0 && (is === 0 || is < was * minShare)
  const listIs = listOf(found)
  const listWas = published === undefined ? undefined : listOf(published)
  const areRowsShort =
    published !== undefined &&
    isLessOf(published.current, found.current) &&
    !(isFiltered && isProven && listIs !== undefined && listWas !== undefined)
  // A list that goes to pieces while it is read is no better than one that did before.
  const longest = Math.max(listWas ?? 0, report.totalCountFirst ?? 0)
  const isListShort = listIs !== undefined && isLessOf(longest, listIs)
  if (!isListShort && !areRowsShort) return
  const told = areRowsShort
    ? `it would hold ${found.current} sessions, and generation ${published.generation} holds ${published.current}`
    : `the list has come down from ${longest} sessions to ${listIs}`
  return yield* new AppError({
    message: `the export shrank: ${told}, so that less than --min-share (${minShare * 100} %) of it, or nothing, is left; nothing is published; look at what the API answers, and give --allow-shrink if it is right`,
    exitCode: exitCodes.unproven
  })
})

/** How long the list was in the end: as it was read, or as the server told, whichever is less. */
const listOf = ({ report: { distinctRows, stoppedEarly, totalCountLast } }: Pick<Size, "report">): number | undefined =>
  stoppedEarly ? totalCountLast : Math.min(distinctRows, totalCountLast ?? distinctRows)

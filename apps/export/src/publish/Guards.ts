/**
 * Guards against replacing published data by mistake: other settings, or far fewer sessions.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import * as Effect from "effect/Effect"
import { exitCodes } from "../exitCodes.ts"
import type { Manifest } from "./Manifest.ts"
import { differences } from "../settings/Selection.ts"
import type { Settings } from "../settings/Settings.ts"

/** Rejects settings that do not match the published generation. */
export const checkSettings = Effect.fnUntraced(function* (settings: Settings, published: Manifest | undefined) {
  if (published === undefined || settings.fullRefresh) return
  const found = differences(published.selection, settings.selection)
  if (found.length === 0) return
  const changes = found.map(({ is, name, was }) => `${name} was ${was} and is ${is}`).join("; ")
  return yield* new AppError({
    message: `generation ${published.generation} was exported with other settings: ${changes}; give the same settings, another --out, or --full-refresh to replace what is published`,
    exitCode: exitCodes.usage
  })
})

/** The size of what is about to be published. */
export interface Size {
  /** Distinct sessions in the whole data, without those that have left. */
  readonly current: number
  readonly report: ScanReport
}

/**
 * Rejects an export that shrank too much.
 *
 * **Details**
 *
 * With a filter the number of matching sessions may change freely, so the length of the whole list is compared instead,
 * if the read is proven and the length is known.
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
  // The list may also shrink while it is read.
  const longest = Math.max(listWas ?? 0, report.totalCountFirst ?? 0)
  const isListShort = listIs !== undefined && isLessOf(longest, listIs)
  if (!isListShort && !areRowsShort) return
  const change = areRowsShort
    ? `it would hold ${found.current} sessions, and generation ${published.generation} holds ${published.current}`
    : `the list shrank from ${longest} sessions to ${listIs}`
  return yield* new AppError({
    message: `the export shrank below --min-share (${minShare * 100} %): ${change}; nothing is published; check what the API returns, and give --allow-shrink if it is right`,
    exitCode: exitCodes.unproven
  })
})

/** The final length of the list: as read or as reported by the server, whichever is less. */
const listOf = ({ report: { distinctRows, stoppedEarly, totalCountLast } }: Pick<Size, "report">): number | undefined =>
  stoppedEarly ? totalCountLast : Math.min(distinctRows, totalCountLast ?? distinctRows)

/**
 * What `*` among the columns stands for: it is decided before the read, as every file begins with its header.
 */
import { ColumnChooser, type ColumnsReport } from "@hb-sessions/core/ColumnChooser"
import { suggestionFor } from "@hb-sessions/core/SessionsColumns"
import * as Sessions from "@hb-sessions/core/Sessions"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Manifest } from "../publish/Manifest.ts"
import { decidedAs, type Selection } from "../settings/Selection.ts"
import type { Settings } from "../settings/Settings.ts"

/**
 * The settings with the columns that are written.
 *
 * **Details**
 *
 * An incremental export keeps those of its first generation. A snapshot has those of the one before, so that none goes
 * away or moves, and behind them what the first 1,000 sessions of the list have beside.
 */
export const decide = Effect.fn("Columns.decide")(function* (settings: Settings, former: Manifest | undefined) {
  const { columnsAsked, ...given } = settings.selection
  if (columnsAsked === undefined) return settings
  const before = former === undefined ? settings.selection : decidedAs(settings.selection, former.selection)
  const isSame = before !== settings.selection && !settings.fullRefresh
  if (isSame && given.mode === "incremental") return { ...settings, selection: before }
  const chooser = new ColumnChooser(columnsAsked)
  yield* Sessions.pages({
    consistency: "fast",
    ...(settings.concurrency === undefined ? {} : { concurrency: settings.concurrency }),
    ...(settings.pageSize === undefined ? {} : { pageSize: settings.pageSize })
  }).pipe(
    Stream.takeUntil(({ sessions }) => {
      chooser.look(sessions)
      return chooser.isDecided
    }),
    Stream.runDrain
  )
  const columns = isSame ? [...new Set([...before.columns, ...chooser.columns])] : chooser.columns
  return { ...settings, selection: { ...settings.selection, columns } }
})

/** Watches what sessions have beside the columns; undefined where all of it is written. */
export const watch = ({ columns, columnsAsked }: Selection): ColumnChooser | undefined =>
  columns.length === 0 ? undefined : new ColumnChooser(columnsAsked ?? columns, columns)

/** Says which columns no session had, and which keys have no column. */
export const tell = Effect.fnUntraced(function* ({ empty, leftOut }: ColumnsReport, { mode }: Selection) {
  for (const column of empty) {
    const meant = suggestionFor(column)
    yield* Effect.logWarning(
      `no session has ${JSON.stringify(column)}${meant === undefined ? "" : `; did you mean ${JSON.stringify(meant)}?`}`
    )
  }
  if (leftOut.length === 0) return
  const remedy =
    mode === "incremental" ? "--full-refresh begins anew with them" : "name them in --columns, or give --format ndjson"
  yield* Effect.logWarning(
    `no column has these keys, which the first 1,000 sessions did not have when the columns were decided, or which are more than 500: ${leftOut.map((name) => JSON.stringify(name)).join(", ")}; ${remedy}`
  )
})

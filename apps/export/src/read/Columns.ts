/**
 * The expansion of `*` among the columns: it is decided before the read, since every file begins with its header.
 */
import { ColumnChooser, type ColumnsReport } from "@hb-sessions/core/ColumnChooser"
import { suggestionFor } from "@hb-sessions/core/SessionsColumns"
import * as Sessions from "@hb-sessions/core/Sessions"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Manifest } from "../publish/Manifest.ts"
import { ACCOUNT, decidedAs, type Selection } from "../settings/Selection.ts"
import type { Settings } from "../settings/Settings.ts"

/**
 * The settings with `*` expanded.
 *
 * **Details**
 *
 * An incremental export keeps the columns of its first generation. A snapshot keeps those of the previous one, in order,
 * and appends the other keys of the first 1,000 sessions of the list.
 */
export const decide = Effect.fn("Columns.decide")(function* (settings: Settings, previous: Manifest | undefined) {
  const { columnsAsked, ...given } = settings.selection
  if (columnsAsked === undefined) return settings
  const before = previous === undefined ? settings.selection : decidedAs(settings.selection, previous.selection)
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

/** Collects the keys of sessions that have no column; undefined when every key is written. */
export const watch = ({ columns, columnsAsked }: Selection): ColumnChooser | undefined =>
  columns.length === 0 ? undefined : new ColumnChooser(columnsAsked ?? columns, columns)

/** Warns of columns that no session has, and of keys that have no column. */
export const warn = Effect.fnUntraced(function* ({ empty, leftOut }: ColumnsReport, selection: Selection) {
  const { account, mode } = selection
  for (const column of empty) {
    if (column === ACCOUNT && account !== undefined) continue
    const meant = suggestionFor(column)
    yield* Effect.logWarning(
      `no session has ${JSON.stringify(column)}${meant === undefined ? "" : `; did you mean ${JSON.stringify(meant)}?`}`
    )
  }
  if (leftOut.length === 0) return
  const remedy =
    mode === "incremental" ? "--full-refresh starts over with them" : "name them in --columns, or give --format ndjson"
  yield* Effect.logWarning(
    `these keys are not exported, since '*' takes at most 500 columns from the first 1,000 sessions: ${leftOut.map((name) => JSON.stringify(name)).join(", ")}; ${remedy}`
  )
})

/**
 * The metrics of reads; requests are counted by the client.
 */
import * as Metric from "effect/Metric"

/** Rows received, those of re-read pages included. */
export const rowsRead = Metric.counter("hb_sessions_rows_read", {
  description: "Rows received while reading lists, re-read pages included",
  incremental: true
})

/** Rows dropped because their id had been read before. */
export const duplicates = Metric.counter("hb_sessions_rows_duplicate", {
  description: "Rows dropped because the read had met their id before",
  incremental: true
})

/** Reads during which the list changed. */
export const drifted = Metric.counter("hb_sessions_reads_drifted", {
  description: "Reads that ended and had seen their list change",
  incremental: true
})

/** Verified reads that ended without a proof. */
export const unproven = Metric.counter("hb_sessions_reads_unproven", {
  description: "Verified reads that ended without a proof of completeness",
  incremental: true
})

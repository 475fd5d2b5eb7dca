/**
 * How the rows of files are written.
 */
import type { Selection } from "../settings/Selection.ts"

/** How the rows of a file are written. */
export interface Form extends Pick<Selection, "columns" | "compress"> {
  readonly format: Selection["format"] | "cells"
  /** Of the cells of Parquet only those of these columns are read, all others as null. */
  readonly only?: ReadonlyArray<string>
}

/** The form for reading ids alone. */
export const onlyIds = (form: Form): Form => ({ ...form, only: ["id"] })

/** How the rows of a growing file are written. */
export const textForm = ({ columns, format }: Form): Form => ({
  columns,
  format: format === "parquet" ? "cells" : format,
  compress: "none"
})

/** The form of files with their own keys, such as tombstones. */
export const plain: Form = { columns: [], format: "ndjson", compress: "none" }

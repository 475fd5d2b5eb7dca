/**
 * DuckDB, which reads what the export writes, and knows nothing of it.
 */
import { DuckDBInstance } from "@duckdb/node-api"
import { Effect } from "effect"

/** A value of a row. */
export type Value = string | number | bigint | boolean | null

export type Row = Readonly<Record<string, Value>>

/** Runs SQL in a database that only `before` has filled, and succeeds with the rows. */
const query = (sql: string, before = ""): Effect.Effect<ReadonlyArray<Row>> =>
  Effect.promise(async () => {
    const instance = await DuckDBInstance.create(":memory:")
    try {
      const connection = await instance.connect()
      if (before !== "") await connection.run(before)
      const reader = await connection.runAndReadAll(sql)
      const names = reader.columnNames()
      return reader.getRowsJS().map((row) => Object.fromEntries(row.map((value, at) => [names[at], valueOf(value)])))
    } finally {
      instance.closeSync()
    }
  })

/** Texts come as bytes too, since the library takes a byte order mark away from others. */
const valueOf = (value: unknown): Value => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  if (value === null || typeof value === "string" || typeof value === "number") return value
  if (typeof value === "bigint" || typeof value === "boolean") return value
  throw new Error(`unknown value ${String(value)}`)
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** A list of files, or one, as the argument of a function that reads them. */
const filesOf = (files: ReadonlyArray<string>): string => `[${files.map((file) => `'${file}'`).join()}]`

/** The columns of Parquet files, each with its type. */
export const columnsOf = (...files: ReadonlyArray<string>) =>
  Effect.map(
    query(`DESCRIBE SELECT * FROM read_parquet(${filesOf(files)})`),
    (rows) => new Map(rows.map((row) => [String(row["column_name"]), String(row["column_type"])]))
  )

/** The rows of a table, by column: times as microseconds since the epoch; `before` is SQL to be run first. */
const rowsOf = Effect.fnUntraced(function* (table: string, before = "") {
  const described = yield* query(`DESCRIBE FROM ${table}`, before)
  const values = described.map((row) => {
    const column = quoted(String(row["column_name"]))
    const type = String(row["column_type"])
    const value = { VARCHAR: `encode(${column})`, "TIMESTAMP WITH TIME ZONE": `epoch_us(${column})` }[type] ?? column
    return `${value} AS ${column}`
  })
  return yield* query(`SELECT ${values.join()} FROM ${table}`, before)
})

/** The rows of Parquet files, as of a table. */
export const parquetRows = (...files: ReadonlyArray<string>) => rowsOf(`read_parquet(${filesOf(files)})`)

/** The rows of the table `sessions` that SQL makes. */
export const rowsOfTable = (sql: string) => rowsOf("sessions", sql)

/** The row groups of a Parquet file: the rows of each, and the sizes of its columns before compression. */
export const rowGroups = (file: string) =>
  query(
    `SELECT row_group_id, any_value(row_group_num_rows) AS rows, sum(total_uncompressed_size)::DOUBLE AS bytes,
      any_value(compression) AS compression
    FROM parquet_metadata('${file}') GROUP BY ALL ORDER BY 1`
  )

/**
 * DuckDB, which reads what the export writes, and knows nothing of it.
 */
import { DuckDBInstance } from "@duckdb/node-api"
import { Effect } from "effect"

/** A value of a row. */
export type Value = string | number | bigint | boolean | null

export type Row = Readonly<Record<string, Value>>

/** Runs SQL in an empty database, and succeeds with the rows of its last statement. */
export const query = (sql: string): Effect.Effect<ReadonlyArray<Row>> =>
  Effect.promise(async () => {
    const instance = await DuckDBInstance.create(":memory:")
    try {
      const connection = await instance.connect()
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

/** The rows of Parquet files, by column: times as microseconds since the epoch. */
export const parquetRows = Effect.fnUntraced(function* (...files: ReadonlyArray<string>) {
  const columns = yield* columnsOf(...files)
  const values = [...columns].map(([name, type]) => {
    const column = quoted(name)
    const value = { VARCHAR: `encode(${column})`, "TIMESTAMP WITH TIME ZONE": `epoch_us(${column})` }[type] ?? column
    return `${value} AS ${column}`
  })
  return yield* query(`SELECT ${values.join()} FROM read_parquet(${filesOf(files)})`)
})

/** The row groups of a Parquet file: the rows of each, and the sizes of its columns before compression. */
export const rowGroups = (file: string) =>
  query(
    `SELECT row_group_id, any_value(row_group_num_rows) AS rows, sum(total_uncompressed_size)::DOUBLE AS bytes,
      any_value(compression) AS compression
    FROM parquet_metadata('${file}') GROUP BY ALL ORDER BY 1`
  )

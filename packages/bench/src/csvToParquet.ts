/**
 * Turns a CSV file into a Parquet file with DuckDB: `node csvToParquet.ts in.csv out.parquet`.
 */
import { DuckDBInstance } from "@duckdb/node-api"

const [from = "", to = ""] = process.argv.slice(2)
const instance = await DuckDBInstance.create(":memory:")
const connection = await instance.connect()
await connection.run(`COPY (FROM read_csv('${from}')) TO '${to}' (FORMAT parquet, COMPRESSION zstd)`)

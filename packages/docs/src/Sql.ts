/**
 * Blocks of SQL, each run by the database that its first line names.
 */
import { DuckDBInstance } from "@duckdb/node-api"

/** Runs a block; resolves with the number of rows of its last statement. */
export const runSql = async (text: string): Promise<number> => {
  const [, name = ""] = /^-- (\w+)\n/.exec(text) ?? []
  if (name !== "DuckDB") throw new Error(`the first line names no database that is known here: ${name}`)
  const instance = await DuckDBInstance.create(":memory:")
  try {
    const connection = await instance.connect()
    return (await connection.runAndReadAll(text)).currentRowCount
  } finally {
    instance.closeSync()
  }
}

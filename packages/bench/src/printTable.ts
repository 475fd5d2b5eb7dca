/**
 * A page of sessions as a table of the columns that `hb-sessions list` prints.
 */

interface Row {
  readonly id: string
  readonly status: string
  readonly createdAt: string
}

export const printTable = (page: string): void => {
  const { sessions } = JSON.parse(page) as { readonly sessions: ReadonlyArray<Row> }
  for (const { createdAt, id, status } of sessions) console.log([id, status, createdAt].join("  "))
}

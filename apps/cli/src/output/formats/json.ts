/**
 * Sessions as JSON and as newline-delimited JSON: in the contract's form, whole or with the chosen columns.
 */
import type { Column } from "@hb-sessions/core/SessionsColumns"
import * as SessionsNdjson from "@hb-sessions/core/SessionsNdjson"
import type { MakeEncoder } from "./Encoder.ts"

const objectWriter = (columns: ReadonlyArray<Column> | undefined) =>
  columns === undefined ? SessionsNdjson.encodeSession : SessionsNdjson.encodeColumns(columns)

export const ndjson: MakeEncoder = ({ columns }) => {
  const write = objectWriter(columns)
  return { rows: (sessions) => sessions.map((session) => `${write(session)}\n`).join(""), end: () => "" }
}

/** One valid document even when the list is empty. */
export const json: MakeEncoder = ({ columns }) => {
  const write = objectWriter(columns)
  let before = "[\n"
  return {
    rows: (sessions) => {
      let text = ""
      for (const session of sessions) {
        text += before + write(session)
        before = ",\n"
      }
      return text
    },
    end: () => (before === "[\n" ? "[]\n" : "\n]\n")
  }
}

/**
 * The tombstones of sessions that have left, as NDJSON whatever the format of the data.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createHash } from "node:crypto"
import { createWriteStream } from "node:fs"
import { Transform } from "node:stream"
import { pipeline } from "node:stream/promises"
import { exitCodes } from "../exitCodes.ts"
import { makeRecord, setKey } from "../read/KeyTable.ts"
import { type Departure, departures, type Reconciled } from "../read/reconcileIndex.ts"
import type { DestinationError } from "./Destination.ts"
import { checkFile } from "./Directory.ts"
import { readText } from "../files/DataFile.ts"
import { type Form, onlyIds } from "../files/Form.ts"
import { rowReader } from "../files/rowReader.ts"
import type { Selection } from "../settings/Selection.ts"

/** A data file in which ids are looked up. */
export interface Source {
  /** The path of its local copy, which is kept until the scope closes. */
  readonly file: Effect.Effect<string, DestinationError, Scope.Scope>
  readonly form: Form
}

/**
 * Writes the tombstones of the sessions that have left; undefined if none has.
 *
 * The index has only the keys of ids, so the ids are looked up by streaming the data.
 */
export const write = Effect.fn("Tombstones.write")(function* (options: {
  readonly reconciled: Reconciled
  readonly sources: ReadonlyArray<Source>
  readonly selection: Selection
  /** When the run noticed it, ISO 8601. */
  readonly leftAt: string
  readonly to: string
}) {
  const { leftAt, reconciled, selection, sources, to } = options
  const { index, left } = reconciled
  if (left.selection.size + left.list.size === 0) return undefined
  const hash = createHash("sha256")
  const record = makeRecord()
  let rows = 0
  let bytes = 0

  const departureOf = (id: string): Departure | undefined => {
    setKey(record, id)
    // At most one tombstone each, and none for a session that came back in the same run.
    return index.isWritten(record) ? undefined : departures.find((name) => left[name].take(record))
  }

  const lineOf = (id: string): string => {
    const unguarded = selection.dialect === "spreadsheet" && id.startsWith("'") ? id.slice(1) : id
    const departure = departureOf(id) ?? (unguarded === id ? undefined : departureOf(unguarded))
    if (departure === undefined) return ""
    rows++
    return `${JSON.stringify({ id, left_at: leftAt, left: departure })}\n`
  }

  for (const { file, form } of sources) {
    yield* Effect.scoped(
      Effect.flatMap(file, (from) => {
        const reader = rowReader(form)
        const toLines = new Transform({
          transform: (chunk: Buffer, _, done) => {
            const lines = Buffer.from(
              reader
                .read(chunk)
                .map(({ id }) => lineOf(id))
                .join("")
            )
            hash.update(lines)
            bytes += lines.length
            done(null, lines)
          }
        })
        return pipe(from, form, toLines, createWriteStream(to, { flags: "a", flush: true }))
      })
    )
  }
  return { rows, bytes, sha256: hash.digest("hex") }
})

/** Pipes the text of a file through streams. */
const pipe = Effect.fnUntraced(function* (
  from: string,
  form: Form,
  ...streams: ReadonlyArray<NodeJS.WritableStream | NodeJS.ReadWriteStream>
) {
  yield* checkFile(from)
  const text = yield* readText(from, onlyIds(form))
  yield* Effect.tryPromise({
    try: (signal) => pipeline([...text, ...streams], { signal }),
    catch: (error) =>
      new AppError({
        message: `${from} cannot be read, to look up sessions that have left: ${error instanceof Error ? error.message : String(error)}`,
        exitCode: exitCodes.disk
      })
  })
})

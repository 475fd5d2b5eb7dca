/**
 * The ways to print sessions: each turns a stream of sessions into a stream of text, without collecting it.
 */
import type { Session } from "@hb-sessions/core/Session"
import * as SessionsCsv from "@hb-sessions/core/SessionsCsv"
import * as SessionsNdjson from "@hb-sessions/core/SessionsNdjson"
import * as Stream from "effect/Stream"
import { table } from "./table.ts"

/** Turns sessions into the text to print. */
export type Format = <E, R>(sessions: Stream.Stream<Session, E, R>) => Stream.Stream<string, E, R>

const ndjson: Format = Stream.mapArray((sessions) => [SessionsNdjson.encodeRows(sessions)])

/** One valid document even when the list is empty. */
const json: Format = (sessions) =>
  Stream.suspend(() => {
    let separator = "["
    return sessions.pipe(
      Stream.mapArray((chunk) => {
        const text = chunk.map((session) => `\n${SessionsNdjson.encodeSession(session)}`).join(",")
        const line = `${separator}${text}`
        separator = ","
        return [line]
      }),
      Stream.concat(Stream.suspend(() => Stream.succeed(separator === "[" ? "[]\n" : "\n]\n")))
    )
  })

const csv: Format = SessionsCsv.encode({})

export const formatNames = ["table", "json", "ndjson", "csv"] as const

export const formats: Record<(typeof formatNames)[number], Format> = { table, json, ndjson, csv }

/**
 * Sessions as YAML 1.2: one sequence of mappings.
 */
import type { Session } from "@hb-sessions/core/Session"
import * as SessionsNdjson from "@hb-sessions/core/SessionsNdjson"
import * as Predicate from "effect/Predicate"
import type { Times } from "../times.ts"
import type { MakeEncoder } from "./Encoder.ts"

export const yaml: MakeEncoder = ({ columns, isForPeople, times }) => {
  const note = isForPeople ? noteOf(times) : () => ""
  const plain: (session: Session) => unknown =
    columns === undefined ? SessionsNdjson.toRecord : SessionsNdjson.pickColumns(columns)
  let isEmpty = true
  return {
    rows: (sessions) => {
      if (sessions.length > 0) isEmpty = false
      return sessions.map((session) => `- ${block(plain(session), "  ", note).trimStart()}\n`).join("")
    },
    end: () => (isEmpty ? "[]\n" : "")
  }
}

// Text that is not read as a number, a boolean, a date or syntax by any version of YAML; everything else is quoted.
const PLAIN_TEXT = /^[A-Za-z][A-Za-z_-]*$/
const RESERVED = /^(?:true|false|yes|no|on|off|null|y|n)$/i

const scalar = (value: unknown): string =>
  value instanceof SessionsNdjson.ExactNumber
    ? value.text
    : typeof value === "string" && PLAIN_TEXT.test(value) && !RESERVED.test(value)
      ? value
      : quoted(value)

// JSON is YAML but for characters that a YAML stream may not hold as they are.
const quoted = (value: unknown): string =>
  numeric(JSON.stringify(value), typeof value).replace(
    /[\u007F-\u009F\u2028\u2029\uFEFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

/** YAML 1.1 takes an exponent for text unless there is a point before it. */
const numeric = (json: string, type: string): string => (type === "number" ? json.replace(/^(-?\d+)e/, "$1.0e") : json)

const key = (name: string): string =>
  /^[A-Za-z][A-Za-z0-9_.-]*$/.test(name) && !RESERVED.test(name) ? name : quoted(name)

/** What a value is followed by, as a comment. */
type Note = (name: string, value: unknown) => string

/** Epoch milliseconds, as the contract writes them, are also shown as times. */
const noteOf =
  (times: Times): Note =>
  (name, value) =>
    name.endsWith("Time") && typeof value === "string" && /^\d{1,15}$/.test(value)
      ? ` # ${times.second(Number(value))} ${times.zone}`
      : ""

/** A value on the lines below its key, or after it if it is a scalar or empty. */
const block = (value: unknown, indent: string, note: Note): string => {
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]"
    return value.map((item) => `\n${indent}- ${block(item, `${indent}  `, note).trimStart()}`).join("")
  }
  if (!Predicate.isObject(value) || value instanceof SessionsNdjson.ExactNumber) return scalar(value)
  const entries = Object.entries(value)
  if (entries.length === 0) return "{}"
  return entries
    .map(([name, item]) => {
      const text = block(item, `${indent}  `, note)
      return `\n${indent}${key(name)}:${text.startsWith("\n") ? text : ` ${text}`}${note(name, item)}`
    })
    .join("")
}

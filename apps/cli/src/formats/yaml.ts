/**
 * Sessions as YAML 1.2: one sequence of mappings.
 */
import type { Session } from "@hb-sessions/core/Session"
import * as SessionsNdjson from "@hb-sessions/core/SessionsNdjson"
import * as Predicate from "effect/Predicate"
import type { MakeEncoder } from "./Encoder.ts"
import { valueOf } from "./fields.ts"

export const yaml: MakeEncoder = ({ columns }) => {
  const plain = (session: Session): unknown =>
    columns === undefined
      ? SessionsNdjson.toRecord(session)
      : Object.fromEntries(columns.map((column) => [column, valueOf(session, column) ?? null]))
  let isEmpty = true
  return {
    rows: (sessions) => {
      if (sessions.length > 0) isEmpty = false
      return sessions.map((session) => `- ${block(plain(session), "  ").trimStart()}\n`).join("")
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
  JSON.stringify(value).replace(
    /[\u007F-\u009F\u2028\u2029\uFEFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

const key = (name: string): string =>
  /^[A-Za-z][A-Za-z0-9_.-]*$/.test(name) && !RESERVED.test(name) ? name : quoted(name)

/** A value on the lines below its key, or behind it if it is a scalar or empty. */
const block = (value: unknown, indent: string): string => {
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]"
    return value.map((item) => `\n${indent}- ${block(item, `${indent}  `).trimStart()}`).join("")
  }
  if (!Predicate.isObject(value) || value instanceof SessionsNdjson.ExactNumber) return scalar(value)
  const entries = Object.entries(value)
  if (entries.length === 0) return "{}"
  return entries
    .map(([name, item]) => {
      const text = block(item, `${indent}  `)
      return `\n${indent}${key(name)}:${text.startsWith("\n") ? text : ` ${text}`}`
    })
    .join("")
}

/**
 * What a session has beside the columns that are known.
 */
import { isSecretKey } from "../secretKeys.ts"
import { escapeKey, joinPath } from "./columnPath.ts"

/** `value`: text, a number, a boolean, an array. `nothing`: null or an empty object. `object`: the paths below it follow. */
export type PathKind = "value" | "nothing" | "object"

/** Deeper objects are values: they stay whole. */
const DEEPEST = 10

/** Visits the path of each value that is no known column, nor below one, and grants no access. */
export const unknownPaths = (
  session: object,
  known: ReadonlySet<string>,
  visit: (name: string, kind: PathKind) => void
): void => walk(session, "", 1, known, visit)

const walk = (
  value: object,
  before: string,
  depth: number,
  known: ReadonlySet<string>,
  visit: (name: string, kind: PathKind) => void
): void => {
  for (const [key, item] of Object.entries(value)) {
    if (isSecretKey(key)) continue
    const name = depth === 1 ? joinPath([key]) : before + escapeKey(key)
    if (known.has(name)) continue
    const kind = depth < DEEPEST ? kindOf(item) : "value"
    visit(name, kind)
    if (kind === "object") walk(item, `${depth === 1 ? escapeKey(key) : name}.`, depth + 1, known, visit)
  }
}

const kindOf = (value: unknown): PathKind => {
  if (value === null || value === undefined) return "nothing"
  if (typeof value !== "object" || Array.isArray(value)) return "value"
  for (const _ in value) return "object"
  return "nothing"
}

/** Bytes of memory that a value takes, about. */
export const sizeOf = (value: unknown): number => {
  if (typeof value === "string") return 2 * value.length + 16
  if (typeof value !== "object" || value === null) return 8
  let size = 32
  for (const [key, item] of Object.entries(value)) size += 2 * key.length + sizeOf(item)
  return size
}

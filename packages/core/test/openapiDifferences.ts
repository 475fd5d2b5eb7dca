/**
 * A structural comparison of two OpenAPI documents.
 */
import { isDeepStrictEqual } from "node:util"

// A JSON document of any shape: the point of this file is to walk it.
type Json = any

const PROSE = new Set(["description", "summary", "title"])

/** Rewrites what OpenAPI 3.1 spells differently from 3.0, drops prose, and keys parameters by name. */
export const toOpenApi30 = (node: Json): Json => {
  if (Array.isArray(node)) return node.map(toOpenApi30)
  if (typeof node !== "object" || node === null) return node
  const nullable = withoutNull(node)
  if (nullable !== undefined) return toOpenApi30(nullable)
  const out: Json = {}
  for (const [key, value] of Object.entries<Json>(node)) {
    if (PROSE.has(key) && typeof value === "string") continue
    if (key === "allOf" && value.every(saysNothing)) continue
    if (key === "required" && value === false) continue
    if (key === "examples" && Array.isArray(value)) out.example = value[0]
    else out[key] = toOpenApi30(value)
  }
  return out
}

/** `anyOf: [X, null]` is `nullable: true` on X in 3.0. */
const withoutNull = (node: Json): Json => {
  if (!Array.isArray(node.anyOf) || !node.anyOf.some((member: Json) => member.type === "null")) return undefined
  const { anyOf, ...rest } = node
  const members = anyOf.filter((member: Json) => member.type !== "null")
  return { ...(members.length === 1 ? members[0] : { anyOf: members }), ...rest, nullable: true }
}

/** Unknown keys are allowed in both documents: 3.0 says so by silence. */
const saysNothing = (member: Json): boolean =>
  Object.keys(toOpenApi30(member)).every((key) => key === "type" || key === "additionalProperties")

/** Where `actual` departs from `expected`: a JSON pointer and `added`, `removed`, `changed` or `opened`, each. */
export const differences = (expected: Json, actual: Json, at = ""): Array<string> => {
  if (isDeepStrictEqual(expected, actual)) return []
  if (isObject(expected) && isObject(actual)) {
    if (isOpened(expected, actual)) return [`${at}: opened`]
    const [before, after] = [keyed(expected), keyed(actual)]
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) => {
      const path = `${at}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`
      if (!(key in before)) return [`${path}: added`]
      if (!(key in after)) return [`${path}: removed`]
      return differences(before[key], after[key], path)
    })
  }
  return [`${at}: changed`]
}

const isObject = (node: Json): boolean => typeof node === "object" && node !== null

/** Parameters are compared by their names, not by their order; one that is not required need not say so. */
const keyed = (node: Json): Json =>
  Array.isArray(node) && node.every((item) => typeof item?.name === "string")
    ? Object.fromEntries(node.map((item) => [item.name, item]))
    : node

/** A union whose first member is just what was expected (less `required`, which says nothing of a text). */
const isOpened = (expected: Json, actual: Json): boolean => {
  if (!Array.isArray(actual.anyOf)) return false
  const { required: _, nullable, ...before } = expected
  return actual.nullable === nullable && isDeepStrictEqual(before, actual.anyOf[0])
}

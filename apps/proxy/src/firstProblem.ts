/**
 * Where a value first departs from its schema.
 */
import type * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { invalidParameter, type Refusal } from "./Problem.ts"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** The path of the first problem, such as `sessions[0].id`, and what was expected there; holds nothing of the value. */
export const locate = (error: Schema.SchemaError): { readonly path: string; readonly detail: string } => {
  const [first] = format(error.issue).issues
  const path = (first?.path ?? []).reduce<string>((text, segment) => {
    const key = typeof segment === "object" ? segment.key : segment
    if (typeof key === "number") return `${text}[${key}]`
    return text === "" ? String(key) : `${text}.${String(key)}`
  }, "")
  return { path, detail: first?.message ?? "not valid" }
}

/** The refusal of the first parameter that does not fit its schema. */
export const firstProblem = (error: Schema.SchemaError): Refusal => {
  const { detail, path } = locate(error)
  return invalidParameter(path, detail)
}

/**
 * The refusal of a query that does not fit its schema.
 */
import { firstProblem } from "@hb-sessions/core/firstProblem"
import type * as Schema from "effect/Schema"
import { invalidParameter, type Refusal } from "./Problem.ts"

/** The refusal of the first parameter that does not fit. */
export const refusalOf = (error: Schema.SchemaError): Refusal => {
  const { detail, path } = firstProblem(error.issue)
  return invalidParameter(path, detail)
}

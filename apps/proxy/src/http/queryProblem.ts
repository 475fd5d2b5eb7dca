/**
 * The rejection of a query that does not fit its schema.
 */
import { firstProblem } from "@hb-sessions/core/firstProblem"
import type * as Schema from "effect/Schema"
import { invalidParameter, type Rejection } from "./Problem.ts"

/** The rejection of the first parameter that does not fit. */
export const queryProblem = (error: Schema.SchemaError): Rejection => {
  const { detail, path } = firstProblem(error.issue)
  return invalidParameter(path, detail)
}

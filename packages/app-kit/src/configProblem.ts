/**
 * What is wrong with a setting, from the structure of the error.
 */
import type * as Config from "effect/Config"
import * as SchemaIssue from "effect/SchemaIssue"

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** The name of the setting, undefined where the source of all failed, and what is wrong, such as `expected a number`. */
export interface ConfigProblem {
  readonly name: string | undefined
  readonly problem: string
}

/** The first problem of an error; it never quotes the value. */
export const configProblem = ({ cause }: Config.ConfigError): ConfigProblem => {
  if (cause._tag !== "SchemaError") return { name: undefined, problem: cause.message }
  const [first] = issuesOf(cause.issue).issues
  const path = (first?.path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join(".")
  return {
    name: path === "" ? undefined : path,
    problem: (first?.message ?? "is not valid").replace(/^Expected/, "expected")
  }
}

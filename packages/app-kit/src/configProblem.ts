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

/** The first problem of an error; it quotes nothing but times and their zones. */
export const configProblem = ({ cause }: Config.ConfigError): ConfigProblem =>
  cause._tag === "SchemaError" ? issueProblem(cause.issue) : { name: undefined, problem: cause.message }

/** As `configProblem`, of a text that a schema rejects. */
export const issueProblem = (issue: SchemaIssue.Issue): ConfigProblem => {
  const [first] = issuesOf(issue).issues
  const path = (first?.path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join(".")
  const message = first?.message ?? "not valid"
  return { name: path === "" ? undefined : path, problem: message.slice(0, 1).toLowerCase() + message.slice(1) }
}

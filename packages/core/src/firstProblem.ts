/**
 * Where a value first departs from its schema, in words that hold nothing of the value.
 */
import * as SchemaIssue from "effect/SchemaIssue"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** The path of the first problem, such as `sessions[3].createdAt`, and what was expected there. */
export const firstProblem = (issue: SchemaIssue.Issue): { readonly path: string; readonly detail: string } => {
  const first = format(issue).issues[0]
  return { path: formatPath(first?.path ?? []), detail: first?.message ?? "" }
}

type PathSegment = PropertyKey | { readonly key: PropertyKey }

const formatPath = (path: ReadonlyArray<PathSegment>): string =>
  path.reduce<string>((text, segment) => {
    const key = typeof segment === "object" ? segment.key : segment
    if (typeof key === "number") return `${text}[${key}]`
    return text === "" ? String(key) : `${text}.${String(key)}`
  }, "")

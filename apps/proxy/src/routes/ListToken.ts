/**
 * Where a whole list stands, as its clients keep it: core's resume token, bound to the account that it is of.
 */
import * as Result from "effect/Result"
import { hash } from "node:crypto"
import { type Rejection, reject } from "../http/Problem.ts"

/** What it looks like: core's token, and who it is of. */
export const FORM = /^hbs\d+\.[\w-]+\.[\w-]+\.[0-9a-f]{8}$/

/** Writes a token of core for clients of an account. */
export const write = (token: string, scope: string): string => `${token}.${tagOf(scope)}`

/** Core's token in one that has the form. */
export const read = (text: string, scope: string): Result.Result<string, Rejection> => {
  const end = text.lastIndexOf(".")
  return text.slice(end + 1) === tagOf(scope)
    ? Result.succeed(text.slice(0, end))
    : Result.fail(
        reject("not-resumable", "the token is of another account; start again without it", { parameter: "from" })
      )
}

const tagOf = (scope: string): string => hash("sha256", `list of ${scope}`, "hex").slice(0, 8)

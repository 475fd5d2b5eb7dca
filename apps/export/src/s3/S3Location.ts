/**
 * A place in an object store: a bucket, and the beginning of the keys of its objects.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import { exitCodes, fail } from "../exitCodes.ts"

/** A place in an object store. */
export interface S3Location {
  readonly bucket: string
  /** The beginning of every key, without a slash at either end; empty for the whole bucket. */
  readonly prefix: string
}

const SCHEME = "s3://"

/** The longest prefix in bytes: a key has 1024 at most, and ours add to the prefix. */
const MAX_PREFIX_BYTES = 768

/** Whether a text is meant as a place in an object store. */
export const isS3 = (text: string): boolean => text.slice(0, SCHEME.length).toLowerCase() === SCHEME

/**
 * Reads `s3://bucket/prefix`; a slash at the end is dropped.
 *
 * **Details**
 *
 * Fails with the exit code of a usage error where the bucket cannot be one, and where the prefix holds what a URL
 * cannot carry: `.` and `..` between slashes, nothing between slashes, control characters.
 */
export const parse = (text: string): Effect.Effect<S3Location, AppError> => {
  // What stands before an @ may be a secret.
  const shown = text.includes("@") ? "the text" : JSON.stringify(text)
  const problem = (what: string) =>
    fail(exitCodes.usage, `${shown} is not the location of an export in a bucket: ${what}`)
  if (!isS3(text)) return problem("give s3://bucket/prefix")
  const [bucket = "", ...rest] = text.slice(SCHEME.length).split("/")
  if (bucket === "") return problem("the bucket is missing; give s3://bucket/prefix")
  const wrongBucket = bucketProblem(bucket)
  if (wrongBucket !== undefined) return problem(`the name of a bucket ${wrongBucket}`)
  const prefix = rest.join("/").replace(/\/$/, "")
  if (prefix === "") return Effect.succeed({ bucket, prefix })
  const wrongPrefix = prefixProblem(prefix)
  return wrongPrefix === undefined ? Effect.succeed({ bucket, prefix }) : problem(`the prefix ${wrongPrefix}`)
}

/** The location as it is written; with a key below the prefix, that object. */
export const format = ({ bucket, prefix }: S3Location, key = ""): string =>
  [`${SCHEME}${bucket}`, prefix, key].filter((part) => part !== "").join("/")

/** The key in the bucket of a key below the prefix. */
export const fullKey = ({ prefix }: S3Location, key: string): string => (prefix === "" ? key : `${prefix}/${key}`)

/** Upper case and underscores are in old buckets of us-east-1 and in other stores. */
const bucketProblem = (bucket: string): string | undefined => {
  if (bucket.length < 3 || bucket.length > 63) return "has 3 to 63 characters"
  if (!/^[A-Za-z0-9._-]*$/.test(bucket)) return "has letters, digits, dots, hyphens and underscores only"
  if (!/^[A-Za-z0-9].*[A-Za-z0-9]$/.test(bucket)) return "begins and ends with a letter or a digit"
  if (bucket.includes("..")) return "does not have two dots in a row"
  if (/^\d+\.\d+\.\d+\.\d+$/.test(bucket)) return "is not an IP address"
  return undefined
}

const prefixProblem = (prefix: string): string | undefined => {
  const parts = prefix.split("/")
  if (parts.includes("")) return "has two slashes in a row, or begins with one"
  if (parts.includes(".") || parts.includes("..")) return "has . or .. between slashes"
  if (/\p{Cc}/u.test(prefix)) return "contains a control character"
  if (!prefix.isWellFormed()) return "is not valid Unicode"
  if (new TextEncoder().encode(prefix).length > MAX_PREFIX_BYTES) return `is longer than ${MAX_PREFIX_BYTES} bytes`
  return undefined
}

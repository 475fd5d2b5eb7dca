/**
 * Which texts are places in an object store.
 */
import { Effect } from "effect"
import { assert, describe, it } from "vitest"
import { format, fullKey, isS3, parse } from "../src/s3/S3Location.ts"

const location = (text: string) => Effect.runSync(parse(text))
const problem = (text: string) => Effect.runSync(Effect.flip(parse(text)))

describe("a location", () => {
  it("is a bucket and a prefix without a slash at either end, and is written as it was given", () => {
    for (const [text, bucket, prefix] of [
      ["s3://exports", "exports", ""],
      ["s3://exports/", "exports", ""],
      ["S3://exports/a", "exports", "a"],
      ["s3://my.dotted-bucket/a/b/", "my.dotted-bucket", "a/b"],
      ["s3://Old_Bucket/équipe 1/100%+x?y#z", "Old_Bucket", "équipe 1/100%+x?y#z"]
    ] as const) {
      assert.deepStrictEqual(location(text), { bucket, prefix })
      assert.strictEqual(format(location(text)), `s3://${bucket}${prefix === "" ? "" : `/${prefix}`}`)
    }
  })

  it("names its objects by the whole key", () => {
    assert.strictEqual(fullKey(location("s3://exports"), "a/b"), "a/b")
    assert.strictEqual(fullKey(location("s3://exports/team"), "a/b"), "team/a/b")
    assert.strictEqual(format(location("s3://exports/team"), "a/b"), "s3://exports/team/a/b")
  })

  it("is a usage error with the reason where it cannot be one", () => {
    for (const [text, reason] of [
      ["s3://", "the bucket is missing"],
      ["s3:///prefix", "the bucket is missing"],
      ["s3://ab/prefix", "3 to 63 characters"],
      ["s3://my bucket/prefix", "letters, digits"],
      ["s3://user:secret@host/prefix", "letters, digits"],
      ["s3://-bucket", "begins and ends"],
      ["s3://a..b", "two dots in a row"],
      ["s3://127.0.0.1/prefix", "IP address"],
      ["s3://bucket//prefix", "two slashes in a row"],
      ["s3://bucket/a/../b", ". or .."],
      ["s3://bucket/a/./b", ". or .."],
      ["s3://bucket/a\nb", "control character"],
      ["s3://bucket/\ud800", "not valid Unicode"],
      [`s3://bucket/${"é".repeat(400)}`, "longer than 768 bytes"],
      ["/var/exports", "give s3://bucket/prefix"]
    ] as const) {
      const { exitCode, message } = problem(text)
      assert.strictEqual(exitCode, 2, text)
      assert.include(message, reason)
      assert.notMatch(message, /[\n\r]|secret/)
    }
  })

  it("is told from a directory and from other URLs", () => {
    assert.deepStrictEqual(["s3://b", "S3://b", "s3:b", "./s3://b", "gs://b"].map(isS3), [
      true,
      true,
      false,
      false,
      false
    ])
  })
})

/**
 * What an operator is told about a failure of the object store.
 */
import { assert, describe, it } from "vitest"
import {
  AccessDenied,
  ClockSkew,
  CredentialsMissing,
  CredentialsRejected,
  NoSuchBucket,
  S3Error,
  type S3ErrorReason,
  toAppError,
  Unexpected,
  Unreachable,
  WrongRegion
} from "../src/s3/S3Error.ts"

const shown = (reason: S3ErrorReason) => {
  const { exitCode, message } = toAppError(
    new S3Error({ action: "PutObject", target: "s3://exports/a", requestId: "7", reason })
  )
  return [exitCode, message] as const
}

describe("a failure of the object store", () => {
  it("has the exit code of what helps: the settings, the credentials or a retry", () => {
    const region = { region: "us-east-1", actual: "eu-west-3" }
    for (const [reason, code, text] of [
      [new NoSuchBucket({ bucket: "exports" }), 2, "the bucket exports does not exist"],
      [new WrongRegion(region), 2, "is in the region eu-west-3, not us-east-1; set AWS_REGION=eu-west-3"],
      [new WrongRegion({ region: "us-east-1" }), 2, "set AWS_REGION"],
      [new ClockSkew({ aheadMillis: -61_000 }), 2, "is 61 s behind the object store's"],
      [new CredentialsMissing({ detail: "set AWS_ACCESS_KEY_ID" }), 3, "set AWS_ACCESS_KEY_ID"],
      [new CredentialsRejected({ source: "AWS_SESSION_TOKEN", code: "ExpiredToken" }), 3, "check AWS_SESSION_TOKEN"],
      [new AccessDenied({ permissions: "s3:PutObject" }), 3, "the credentials need s3:PutObject"],
      [new Unreachable({ attempts: 5, detail: "HTTP 503 SlowDown" }), 74, "after 5 attempts (HTTP 503 SlowDown)"],
      [new Unexpected({ detail: "unexpected answer HTTP 418" }), 7, "unexpected answer HTTP 418"]
    ] as const) {
      const [exitCode, message] = shown(reason)
      assert.strictEqual(exitCode, code, reason._tag)
      assert.include(message, text)
      assert.match(message, /^s3:\/\/exports\/a: PutObject: [^\n]+ \(request 7\)$/)
    }
  })
})

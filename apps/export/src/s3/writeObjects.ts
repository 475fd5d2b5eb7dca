/**
 * Writes and removes objects.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { createHash } from "node:crypto"
import * as answers from "./answers.ts"
import type { S3Body } from "./exchange.ts"
import { type S3Connection, send } from "./S3Connection.ts"
import type { S3Error } from "./S3Error.ts"
import { fullKey } from "./S3Location.ts"
import type { Condition, Written } from "./S3Object.ts"
import * as S3Xml from "./S3Xml.ts"

const CHUNK = 64 * 1024

/** Bytes as they are sent, in pieces, so that it can be seen whether they move. */
export const bodyOf = (bytes: Uint8Array): S3Body => ({
  bytes: bytes.length,
  sha256: createHash("sha256").update(bytes).digest("hex"),
  stream: Stream.range(0, Math.ceil(bytes.length / CHUNK) - 1, 1).pipe(
    Stream.map((index) => bytes.subarray(index * CHUNK, (index + 1) * CHUNK))
  )
})

/** A text as it is sent. */
export const textBody = (text: string): S3Body => bodyOf(new TextEncoder().encode(text))

const conditionHeaders = (condition: Condition | undefined, quoted: boolean): Readonly<Record<string, string>> => {
  if (condition === undefined) return {}
  if ("ifNoneMatch" in condition) return { "if-none-match": condition.ifNoneMatch }
  return { "if-match": quoted ? `"${condition.ifMatch}"` : condition.ifMatch }
}

/** Writes a small object. */
export const putObject = (
  connection: S3Connection,
  key: string,
  body: S3Body,
  condition?: Condition,
  quoted = true
): Effect.Effect<Written, S3Error> =>
  send(
    connection,
    {
      action: "PutObject",
      permissions: "s3:PutObject",
      method: "PUT",
      key,
      headers: conditionHeaders(condition, quoted),
      body
    },
    (incoming, meaning) => Effect.flatMap(answers.headers(incoming, meaning), (headers) => answers.writtenOf(headers))
  )

/** The most keys of one request. */
const BATCH = 1000

const REMOVE = { action: "DeleteObject", permissions: "s3:DeleteObject" } as const

/** Removes objects, many at a time where the store can do that; absent ones are no failure. */
export const removeObjects = Effect.fnUntraced(function* (connection: S3Connection, keys: Iterable<string>) {
  const all = [...new Set(keys)]
  for (let start = 0; start < all.length; start += BATCH) {
    const batch = all.slice(start, start + BATCH)
    yield* batch.length === 1
      ? removeEach(connection, batch)
      : Effect.catchIf(
          removeBatch(connection, batch),
          ({ code }) => code === "NotImplemented" || code === "MethodNotAllowed",
          () => removeEach(connection, batch)
        )
  }
})

const removeEach = (connection: S3Connection, keys: ReadonlyArray<string>) =>
  Effect.forEach(
    keys,
    (key) =>
      send(connection, { ...REMOVE, method: "DELETE", key }, answers.headers).pipe(
        Effect.catchReason("S3Error", "NotFound", () => Effect.void)
      ),
    { concurrency: 4, discard: true }
  )

const removeBatch = (connection: S3Connection, keys: ReadonlyArray<string>) => {
  const objects = keys.map((key) => `<Object><Key>${S3Xml.escape(fullKey(connection.location, key))}</Key></Object>`)
  const body = new TextEncoder().encode(
    `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>${objects.join("")}</Delete>`
  )
  return send(
    connection,
    {
      ...REMOVE,
      action: "DeleteObjects",
      method: "POST",
      query: { delete: "" },
      headers: { "content-md5": createHash("md5").update(body).digest("base64"), "content-type": "application/xml" },
      body: bodyOf(body)
    },
    Effect.fnUntraced(function* (incoming, meaning) {
      const [result] = yield* answers.document("DeleteResult")(incoming, meaning)
      for (const error of result.all("Error")) {
        const code = Option.getOrElse(error.text("Code"), () => "")
        if (code === "NoSuchKey") continue
        const asAnswer = new TextEncoder().encode(`<Error><Code>${S3Xml.escape(code)}</Code></Error>`)
        return yield* meaning({ ...incoming, body: asAnswer })
      }
    })
  )
}

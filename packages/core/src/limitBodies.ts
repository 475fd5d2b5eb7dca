/**
 * A bound for the bodies of responses, so that a sick server cannot fill the memory of its client.
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { isLimited } from "./internal/bodyLimit.ts"

/** The cause of a `DecodeError`: a body that is longer than the bound. */
export class BodyTooLarge extends Schema.TaggedError<BodyTooLarge>()("BodyTooLarge", { maxBytes: Schema.Int }) {
  override get message() {
    return `the body is larger than ${this.maxBytes} bytes`
  }
}

/**
 * Bounds what `arrayBuffer` of a response gives, in bytes, as they are after decompression.
 *
 * **Details**
 *
 * A longer body fails with an `HttpClientError` that `BodyTooLarge` caused, and its connection is closed: at once where
 * `content-length` tells it, else when the bound is passed. A response that is bounded already stays as it is, also by a
 * `content-length` that is low enough.
 */
export const limitBodies = (maxBytes: number): ((client: HttpClient.HttpClient) => HttpClient.HttpClient) =>
  HttpClient.transformResponse(
    Effect.flatMap((response) => {
      if (isLimited in response || isBounded(response, maxBytes)) return Effect.succeed(response)
      return Effect.map(Effect.cached(read(response, maxBytes)), (arrayBuffer) => {
        const limited: HttpClientResponse.HttpClientResponse = Object.create(response, {
          [isLimited]: { value: true },
          arrayBuffer: { value: arrayBuffer }
        })
        return limited
      })
    })
  )

/** A browser hides the coding of an answer of another origin, and so that its length is not that of the body. */
const hidesHeaders = "WorkerGlobalScope" in globalThis || "document" in globalThis

/** Whether the body cannot be longer than allowed: no connection gives more than its `content-length`. */
const isBounded = ({ headers }: HttpClientResponse.HttpClientResponse, maxBytes: number): boolean => {
  const length = headers["content-length"]
  if (hidesHeaders || length === undefined || !/^\d+$/.test(length)) return false
  return Number(length) <= maxBytes && !("content-encoding" in headers) && !("transfer-encoding" in headers)
}

const read = (response: HttpClientResponse.HttpClientResponse, maxBytes: number) => {
  const tooLarge = () =>
    new HttpClientError.HttpClientError({
      reason: new HttpClientError.DecodeError({
        request: response.request,
        response,
        cause: new BodyTooLarge({ maxBytes })
      })
    })
  return Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let length = 0
    const isTold = Number(response.headers["content-length"]) > maxBytes
    const take = (chunk: Uint8Array) => {
      length += chunk.length
      if (isTold || length > maxBytes) return Effect.fail(tooLarge())
      chunks.push(chunk)
      return Effect.void
    }
    return Stream.runForEach(response.stream, take).pipe(
      // A response without a body has no stream either.
      Effect.catchIf(
        (error) => error.reason._tag === "EmptyBodyError",
        () => Effect.void
      ),
      Effect.map(() => concat(chunks, length))
    )
  })
}

const concat = (chunks: ReadonlyArray<Uint8Array>, length: number): ArrayBuffer => {
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  return bytes.buffer
}

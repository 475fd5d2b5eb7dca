/**
 * The body of an answer, whole and within a bound.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Permanent, type Transient } from "./AttemptFailed.ts"
import type { Incoming } from "./exchange.ts"
import { Unexpected } from "./S3Error.ts"

/** Reads the body; fails if it has more bytes than that. */
export const readBody = (
  { headers, status, stream }: Incoming,
  maxBytes: number
): Effect.Effect<Uint8Array, Transient | Permanent> =>
  Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let bytes = 0
    const isTold = Number(headers["content-length"]) > maxBytes
    const tooLong = () =>
      Effect.fail(
        new Permanent({
          reason: new Unexpected({ detail: `unexpected answer HTTP ${status} with more than ${maxBytes} bytes` })
        })
      )
    return Stream.runForEach(stream, (chunk) => {
      bytes += chunk.length
      if (isTold || bytes > maxBytes) return tooLong()
      chunks.push(chunk)
      return Effect.void
    }).pipe(Effect.map(() => new Uint8Array(Buffer.concat(chunks))))
  })

/**
 * A client that leaves bodies as they come, and decodes them itself.
 */
import { Effect } from "effect"
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http"
import * as zlib from "node:zlib"

/** The codings that the proxy has, under the names of the field. */
export const codings = ["zstd", "br", "gzip"] as const

/** Makes the decoder of a coding. */
export const decoder = (coding: string | undefined) => {
  switch (coding) {
    case "zstd":
      return zlib.createZstdDecompress()
    case "br":
      return zlib.createBrotliDecompress()
    default:
      return zlib.createGunzip()
  }
}

/** The text of a body in a coding; fails when the coding has no end. */
export const decoded = (body: Buffer, coding: string | undefined): string => {
  switch (coding) {
    case undefined:
      return body.toString()
    case "zstd":
      return zlib.zstdDecompressSync(body).toString()
    case "br":
      return zlib.brotliDecompressSync(body).toString()
    default:
      return zlib.gunzipSync(body).toString()
  }
}

export interface Ask {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | ReadonlyArray<string>>>
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly trailers: NodeJS.Dict<string>
  readonly body: Buffer
  /** Whether the answer has its end. */
  readonly isComplete: boolean
}

/** Sends a request; the response, with its body to be read. */
export const open = (url: string, { headers = {}, method = "GET" }: Ask = {}): Effect.Effect<IncomingMessage> =>
  Effect.callback((resume) => {
    const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value as string]))
    const sent = request(url, { method, headers: given, agent: false }, (response) => resume(Effect.succeed(response)))
    sent.on("error", (error) => resume(Effect.die(error)))
    sent.end()
    return Effect.sync(() => sent.destroy())
  })

/** Reads the rest of a response. */
export const rest = (response: IncomingMessage): Effect.Effect<Answer> =>
  Effect.callback((resume) => {
    const pieces: Array<Buffer> = []
    response.on("data", (piece: Buffer) => pieces.push(piece))
    response.on("error", () => {})
    response.on("close", () =>
      resume(
        Effect.succeed({
          status: response.statusCode ?? 0,
          headers: response.headers,
          trailers: response.trailers,
          body: Buffer.concat(pieces),
          isComplete: response.complete
        })
      )
    )
  })

/** Sends a request and reads all of the answer, as it comes. */
export const ask = (url: string, options?: Ask): Effect.Effect<Answer> => Effect.flatMap(open(url, options), rest)

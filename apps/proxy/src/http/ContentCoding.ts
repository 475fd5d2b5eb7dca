/**
 * How bodies are compressed: at once, or as they are written.
 */
import type { Transform } from "node:stream"
import * as zlib from "node:zlib"
import type { Coding } from "./AcceptEncoding.ts"

const { constants } = zlib

/** Compresses a whole body, outside of the event loop. */
export const compress = (
  coding: Coding,
  body: Uint8Array,
  done: (error: Error | null, coded: Buffer) => void
): void => {
  switch (coding) {
    case "zstd":
      return zlib.zstdCompress(body, { params: { [constants.ZSTD_c_compressionLevel]: 6 } }, done)
    case "br":
      return zlib.brotliCompress(
        body,
        {
          params: {
            [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
            [constants.BROTLI_PARAM_QUALITY]: 5,
            [constants.BROTLI_PARAM_SIZE_HINT]: body.length
          }
        },
        done
      )
    case "gzip":
      return zlib.gzip(body, { level: 6 }, done)
  }
}

/**
 * Makes a stream that compresses what it is given and gives all of it at once: a line that was written must not wait
 * for the next. It looks back 256 KiB at most, so that it takes little memory.
 */
export const compressor = (coding: Coding): Transform => {
  switch (coding) {
    case "zstd":
      return zlib.createZstdCompress({
        flush: constants.ZSTD_e_flush,
        params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_windowLog]: 18 }
      })
    case "br":
      return zlib.createBrotliCompress({
        flush: constants.BROTLI_OPERATION_FLUSH,
        params: {
          [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
          [constants.BROTLI_PARAM_QUALITY]: 4,
          [constants.BROTLI_PARAM_LGWIN]: 18
        }
      })
    case "gzip":
      return zlib.createGzip({ flush: constants.Z_SYNC_FLUSH, level: 6 })
  }
}

/** What can change the bytes that come out, in a few characters: so that no tag stands for two bodies. */
const versions: Record<Coding, string | undefined> = {
  zstd: process.versions["zstd"],
  br: process.versions["brotli"],
  gzip: process.versions["zlib"]
}

/** The entity tag of a coded form of the body with a tag. */
export const tagOf = (etag: string, coding: Coding | undefined): string =>
  coding === undefined ? etag : `${etag.slice(0, -1)}-${coding}${suffixes[coding]}"`

const suffixOf = (coding: Coding): string => (versions[coding] ?? "").replaceAll(/[^\w.]/g, "").slice(0, 12)

const suffixes: Record<Coding, string> = { zstd: suffixOf("zstd"), br: suffixOf("br"), gzip: suffixOf("gzip") }

/**
 * Splits bytes into lines.
 */

const LINE_FEED = 10

/** Makes a function that takes the bytes of a file in pieces, and gives the lines that they complete, with their end. */
export const splitLines = (): ((chunk: Buffer) => ReadonlyArray<Buffer>) => {
  let rest: Array<Buffer> = []
  return (chunk) => {
    const lines: Array<Buffer> = []
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      lines.push(Buffer.concat([...rest, chunk.subarray(start, end + 1)]))
      rest = []
      start = end + 1
    }
    if (start < chunk.length) rest.push(Buffer.from(chunk.subarray(start)))
    return lines
  }
}

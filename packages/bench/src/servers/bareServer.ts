/**
 * The least that Node can do: `node:http` with the bytes and the headers of one answer, held in memory.
 *
 * Reads the answer as JSON from stdin, prints its URL.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"

/** An answer as it is repeated; headers are names and values in turn. */
export interface Recorded {
  readonly body: string
  readonly etag: string
  readonly headers: Array<string>
}

const { body, etag, headers }: Recorded = JSON.parse(await text(process.stdin))
const full = [...headers, "content-length", String(Buffer.byteLength(body))]

const server = createServer((request, response) => {
  if (request.headers["if-none-match"] === etag) {
    response.writeHead(304, headers)
    response.end()
  } else {
    response.writeHead(200, full)
    response.end(body)
  }
})
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
})

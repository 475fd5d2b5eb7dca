/**
 * The least that a proxy in Node can do for a cached page: `node:http`, one request at a time on a connection, a token
 * that is looked up, an id for each request, an ETag that is compared. No limit, route, form, metric or usage.
 *
 * Reads the answer as JSON from stdin, prints its URL.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import type { Recorded } from "./bareServer.ts"

const recorded: Recorded & { readonly token: string } = JSON.parse(await text(process.stdin))
const { etag } = recorded
const body = Buffer.from(recorded.body).toString("latin1")
const tokens = new Map([[recorded.token, "bench"]])
const headers = recorded.headers.filter((_, index, all) => all[index - (index % 2)] !== "x-request-id")
const full = [...headers, "content-length", String(body.length)]
let requests = 0

const server = createServer({ optimizeEmptyRequests: true }, (request, response) => {
  const common = ["x-request-id", `least-${++requests}`]
  const token = request.headers["x-api-key"]
  if (typeof token !== "string" || !tokens.has(token)) {
    response.writeHead(401, common)
    response.end()
  } else if (request.headers["if-none-match"] === etag) {
    response.writeHead(304, [...common, ...headers])
    response.end()
  } else {
    response.writeHead(200, [...common, ...full])
    response.end(body, "latin1")
  }
})
server.on("connection", (socket) => {
  // Node's parser then reads in JavaScript, where what was read can be handed over a request at a time.
  const listener = () => {}
  socket.on("data", listener)
  socket.off("data", listener)
})
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
})

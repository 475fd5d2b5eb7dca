import * as Http from "node:http"
import type * as Net from "node:net"

/** A request that the server got. */
export interface Seen {
  readonly page: number
  readonly status: string | null
  readonly limit: string | null
  readonly key: string | undefined
  /** Whether the client went away before the answer was complete. */
  cut: boolean
}

/** What is answered: a status and a body, or nothing at all. */
export type Answer = readonly [status: number, body: unknown, headers?: Record<string, string>] | "never"

/** A session of the contract with number `index`, newest first. */
export const row = (index: number) => ({
  id: `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`,
  status: index % 4 === 0 ? "active" : "closed",
  createdAt: new Date(Date.UTC(2025, 5, 15) - index * 60_000).toISOString(),
  startTime: String(Date.UTC(2025, 5, 15) - index * 60_000)
})

/** A server of `count` sessions on the loopback interface; `intercept` answers a request instead. */
export const serve = async (count: number, intercept: (seen: Seen) => Answer | undefined = () => undefined) => {
  const requests: Array<Seen> = []
  const answer = (seen: Seen): Answer => {
    const rows = Array.from({ length: count }, (_, index) => row(index)).filter(
      ({ status }) => seen.status === null || status === seen.status
    )
    const pageSize = Number(seen.limit ?? 10)
    const sessions = rows.slice((seen.page - 1) * pageSize, seen.page * pageSize)
    return [200, { sessions, totalCount: rows.length, page: seen.page, pageSize }]
  }
  const server = Http.createServer((request, response) => {
    const query = new URL(request.url ?? "", "http://localhost").searchParams
    const seen: Seen = {
      page: Number(query.get("page") ?? 1),
      status: query.get("status"),
      limit: query.get("limit"),
      key: request.headers["x-api-key"]?.toString(),
      cut: false
    }
    requests.push(seen)
    response.on("close", () => {
      seen.cut = !response.writableFinished
    })
    const reply = intercept(seen) ?? answer(seen)
    if (reply === "never") return
    const [status, body, headers] = reply
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as Net.AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

/**
 * A vendor's server whose sessions a test changes as it likes, odd ones among them.
 */
import { Effect } from "effect"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/** A session as the server sends it. */
export interface Row {
  readonly id: string
  readonly status?: unknown
  readonly [key: string]: unknown
}

const PAGE = 100

/** Serves what `state` has until the scope closes. */
export const vendor = Effect.gen(function* () {
  const state = {
    rows: [] as ReadonlyArray<Row>,
    /** What every request is answered with. */
    status: 200,
    requests: 0,
    /** The statuses that were asked for. */
    asked: new Set<string>()
  }
  const server = createServer((request, response) => {
    state.requests += 1
    const query = new URL(request.url ?? "/", "http://vendor").searchParams
    const status = query.get("status")
    state.asked.add(status ?? "")
    response.writeHead(state.status, { "content-type": "application/json" })
    if (state.status !== 200) return void response.end('{"message":"no"}')
    // Named "unfiltered" to show what a server does that knows no filter.
    const rows = status === null ? state.rows : state.rows.filter((row) => row.status === status || row["unfiltered"])
    const page = Number(query.get("page") ?? "1")
    const sessions = rows.slice((page - 1) * PAGE, page * PAGE)
    response.end(JSON.stringify({ sessions, totalCount: rows.length, page, perPage: PAGE }))
  })
  server.listen(0, "127.0.0.1")
  yield* Effect.promise(() => once(server, "listening"))
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      server.closeAllConnections()
      server.close()
    })
  )
  return { state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, apiKey: "some-long-key" }
})

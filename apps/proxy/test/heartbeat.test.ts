/**
 * Whole lists in which no row comes for a while: a connection without a byte is closed by many who pass it on.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { start } from "./support/Proxy.ts"
import { upstream } from "./support/Upstream.ts"

const SESSIONS = 30
const sessions = Array.from({ length: SESSIONS }, (_, index) => ({
  id: `session-${index}`,
  status: "closed",
  createdAt: new Date(Date.UTC(2026, 0, 1) - index * 60_000).toISOString()
}))

/** A list of three pages, of which the first is given at once and the others when they are released. */
const slowList = () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const server = upstream(({ url = "" }, response) => {
    const page = Number(new URL(url, "http://any").searchParams.get("page") ?? 1)
    const body = JSON.stringify({
      sessions: sessions.slice((page - 1) * 10, page * 10),
      totalCount: SESSIONS,
      page,
      perPage: 10
    })
    void (page === 1 ? Promise.resolve() : released).then(() => response.end(body))
  })
  return { server, release }
}

for (const suffix of ["ndjson", "json"] as const) {
  it.live(`spaces are sent while no row of ${suffix} comes, and mean nothing`, () =>
    Effect.gen(function* () {
      const { release, server } = slowList()
      const proxy = yield* start(yield* server, ["--heartbeat", "100ms", "--client-timeout", "1s"])
      const text = yield* Effect.promise(async (signal) => {
        const response = await fetch(`${proxy.url}/v1/sessions.${suffix}`, { headers: proxy.auth, signal })
        let received = ""
        for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
          received += piece
          // Longer than a client may be silent.
          if (/ {25}$/.test(received)) release()
        }
        return received
      })
      assert.match(text, / {25}/)
      const rows: ReadonlyArray<{ readonly id?: string }> =
        suffix === "json"
          ? JSON.parse(text).sessions
          : text
              .trimEnd()
              .split("\n")
              .map((line) => JSON.parse(line))
              .slice(0, -1)
      assert.deepStrictEqual(
        rows.map(({ id }) => id),
        sessions.map(({ id }) => id)
      )
    }).pipe(Effect.scoped)
  )
}

/**
 * A caching proxy as one writes it in an afternoon: Hono, one token, a `Map`, an ETag. Concurrent misses are not joined.
 *
 * Prints its URL.
 */
import { serve } from "@hono/node-server"
import { Hono } from "hono"
import { createHash } from "node:crypto"

const { HYPERBROWSER_API_KEY = "", HYPERBROWSER_BASE_URL = "", TOKEN = "" } = process.env
const FRESH_MILLIS = 3_600_000

interface Entry {
  readonly body: string
  readonly etag: string
  readonly storedAt: number
}
const cache = new Map<string, Entry>()

const load = async (search: string): Promise<Entry | undefined> => {
  const response = await fetch(`${HYPERBROWSER_BASE_URL}/api/sessions${search}`, {
    headers: { "x-api-key": HYPERBROWSER_API_KEY }
  })
  if (!response.ok) return undefined
  const body = await response.text()
  const etag = `"${createHash("sha256").update(body).digest("base64url")}"`
  const entry = { body, etag, storedAt: Date.now() }
  cache.set(search, entry)
  return entry
}

const app = new Hono()
app.get("/api/sessions", async (context) => {
  if (context.req.header("x-api-key") !== TOKEN) return context.json({ message: "unauthorized" }, 401)
  const { search } = new URL(context.req.url)
  const found = cache.get(search)
  const isFresh = found !== undefined && Date.now() - found.storedAt < FRESH_MILLIS
  const entry = isFresh ? found : await load(search)
  if (entry === undefined) return context.json({ message: "bad gateway" }, 502)
  const headers = {
    etag: entry.etag,
    "cache-control": `private, max-age=${FRESH_MILLIS / 1000}`,
    age: String(Math.floor((Date.now() - entry.storedAt) / 1000)),
    vary: "x-api-key"
  }
  if (context.req.header("if-none-match") === entry.etag) return context.body(null, 304, headers)
  return context.body(entry.body, 200, { ...headers, "content-type": "application/json" })
})

serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }))
})

/**
 * What is under way for a token when it ends.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { once } from "node:events"
import { readFileSync, writeFileSync } from "node:fs"
import { createServer, get as request, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { createToken, directory, eventually, get, serve, token } from "./support/Proxy.ts"

const ROWS = 40_000
const PER_PAGE = 10

/** An upstream whose whole list takes minutes. */
const slowUpstream = Effect.acquireRelease(
  Effect.promise(async () => {
    const server = createServer((asked, response) => {
      const page = Number(new URL(asked.url ?? "", "http://a").searchParams.get("page") ?? 1)
      const first = (page - 1) * PER_PAGE
      const sessions = Array.from({ length: Math.max(0, Math.min(PER_PAGE, ROWS - first)) }, (_, index) => ({
        id: `s-${first + index}`,
        status: "closed",
        createdAt: "2026-01-01T00:00:00Z"
      }))
      const body = JSON.stringify({ sessions, totalCount: ROWS, page, perPage: PER_PAGE })
      setTimeout(() => response.end(body), 200)
    }).listen(0, "127.0.0.1")
    await once(server, "listening")
    return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, apiKey: "another-key" }
  }),
  ({ server }) =>
    Effect.sync(() => {
      server.close()
      server.closeAllConnections()
    })
)

/** A whole list that has begun. */
interface Reading {
  readonly response: IncomingMessage
  text: string
  /** Undefined while it goes on. */
  end: "complete" | "cut" | undefined
}

const begin = (url: string, secret: string) =>
  Effect.callback<Reading>((resume) => {
    const client = request(url, { headers: { "x-api-key": secret } }, (response) => {
      const reading: Reading = { response, text: "", end: undefined }
      response.setEncoding("utf8")
      response.on("data", (text: string) => {
        reading.text += text
        if (text !== "") resume(Effect.succeed(reading))
      })
      response.on("error", () => {})
      response.on("close", () => (reading.end = response.complete ? "complete" : "cut"))
    })
    client.on("error", () => {})
  })

const isOver = (reading: Reading) =>
  eventually(
    Effect.sync(() => reading.end),
    (end) => end !== undefined
  )

it.live("a token's lists are cut and its other requests rejected when it is revoked, expires or may see less", () =>
  Effect.gen(function* () {
    const file = join(yield* directory, "tokens.json")
    const revoked = yield* createToken(file, "revoked")
    const narrowed = yield* createToken(file, "narrowed", { statuses: ["closed", "error"] })
    const kept = yield* createToken(file, "kept")
    const proxy = yield* serve(yield* slowUpstream, file)
    const expiring = yield* createToken(file, "expiring", { expiresAt: Date.now() + 8000 })
    const known = (secret: string) =>
      eventually(
        get(`${proxy.url}/v1/sessions?limit=0`, { headers: { "x-api-key": secret } }),
        ({ status }) => status === 400
      )
    yield* known(expiring)
    const list = (secret: string, path: string) => begin(`${proxy.url}/v1/sessions${path}`, secret)
    const [ndjson, csv, json, expired, narrow, other] = yield* Effect.all(
      [
        list(revoked, ".ndjson"),
        list(revoked, ".csv"),
        list(revoked, ".json"),
        list(expiring, ".ndjson"),
        list(narrowed, ".ndjson?status=closed,error"),
        list(kept, ".ndjson")
      ],
      { concurrency: "unbounded" }
    )
    const stats = get(`${proxy.url}/v1/stats`, { headers: { "x-api-key": revoked } })
    const revoke = Effect.andThen(token(file, "revoke", "--name", "revoked"), Effect.void)
    const [{ status, text }] = yield* Effect.all([stats, revoke], { concurrency: 2 })
    assert.strictEqual(status, 401)
    assert.match(JSON.parse(text).type, /unauthorized$/)
    const tokens = JSON.parse(readFileSync(file, "utf8"))
    tokens.tokens.find(({ name }: { readonly name: string }) => name === "narrowed").statuses = ["error"]
    writeFileSync(file, JSON.stringify(tokens))
    for (const reading of [ndjson, csv, json, expired, narrow]) {
      assert.strictEqual(yield* isOver(reading), "cut")
      assert.deepStrictEqual(reading.response.trailers, {})
      assert.notInclude(reading.text, "report")
      assert.isAbove(reading.text.length, 0)
    }
    // All of that was long before the list would have ended, and is no other token's business.
    const { length } = other.text
    yield* eventually(
      Effect.sync(() => other.text.length),
      (now) => now > length
    )
    assert.isUndefined(other.end)
    const { text: metrics } = yield* get(`${proxy.adminUrl}/metrics`)
    assert.match(metrics, /^hb_sessions_proxy_token_ended 6$/m)
    assert.match(metrics, /^hb_sessions_proxy_requests_in_flight 1$/m)
    // A server that stops by itself has logged everything.
    other.response.destroy()
    const { stderr } = yield* proxy.stop("SIGTERM")
    const cut = stderr
      .split("\n")
      .filter((line) => line.includes('"status":200') && /"problem":"(?:unauthorized|status-not-allowed)"/.test(line))
      .map((line) => JSON.parse(line).problem)
    assert.deepStrictEqual(cut.toSorted(), ["status-not-allowed", ...Array.from({ length: 4 }, () => "unauthorized")])
  }).pipe(Effect.scoped)
)

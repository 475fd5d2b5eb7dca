/**
 * An API key that changes while a client uses it.
 */
import { assert, describe, it } from "@effect/vitest"
import { NodeHttpClient } from "@effect/platform-node"
import { Effect, Layer, Redacted } from "effect"
import { RejectedApiKey } from "../src/RejectedApiKey.ts"
import { SessionsClient, type SessionsClientOptions } from "../src/SessionsClient.ts"
import { emptyPage, json, type Upstream, upstream } from "./upstream.ts"

const withClient = <A, E>(
  { url }: Upstream,
  options: Pick<SessionsClientOptions, "apiKey"> & Partial<SessionsClientOptions>,
  use: (client: SessionsClient["Service"]) => Effect.Effect<A, E>
) =>
  SessionsClient.pipe(
    Effect.flatMap(use),
    Effect.provide(
      SessionsClient.layerNoDeps({ baseUrl: url, retryBaseDelay: "1 millis", ...options }).pipe(
        Layer.provide(NodeHttpClient.layerUndici)
      )
    )
  )

const keysOf = ({ requests }: Upstream) => requests.map(({ headers }) => headers["x-api-key"])

/** A server that accepts one key. */
const accepting = (accepted: string) =>
  upstream((response, { headers }) =>
    headers["x-api-key"] === accepted
      ? json(response, emptyPage)
      : json(response, { message: `no such key: ${headers["x-api-key"]}` }, 401)
  )

/** Gives `stale` until it is told that it was rejected, and counts how often it was asked. */
const source = (stale: string, fresh: string) => {
  const asked: Array<string | undefined> = []
  const apiKey = Effect.map(RejectedApiKey, (rejected) => {
    asked.push(rejected === undefined ? undefined : Redacted.value(rejected))
    return Redacted.make(rejected === undefined ? stale : fresh)
  })
  return { apiKey, asked }
}

describe("a key that changes", () => {
  it.live("is asked for before each request, retries included", () =>
    Effect.gen(function* () {
      const server = yield* upstream((response, _, n) =>
        n === 2 ? json(response, {}, 503) : json(response, emptyPage)
      )
      let count = 0
      const apiKey = Effect.sync(() => Redacted.make(`key-${++count}`))
      yield* withClient(server, { apiKey }, (client) => Effect.andThen(client.getPage({}), client.getPage({})))
      assert.deepStrictEqual(keysOf(server), ["key-1", "key-2", "key-3"])
    }).pipe(Effect.scoped)
  )

  it.live("is asked for once more when it was rejected, and another is tried at once, even without retries", () =>
    Effect.gen(function* () {
      const server = yield* accepting("new-key")
      const { apiKey, asked } = source("old-key", "new-key")
      const page = yield* withClient(server, { apiKey, retries: 0, retryBudget: 0 }, (client) => client.getPage({}))
      assert.deepStrictEqual(page.sessions, [])
      assert.deepStrictEqual(keysOf(server), ["old-key", "new-key"])
      assert.deepStrictEqual(asked, [undefined, "old-key"])
    }).pipe(Effect.scoped)
  )

  it.live("fails when the same key comes again, after one request", () =>
    Effect.gen(function* () {
      const server = yield* accepting("new-key")
      const { apiKey } = source("old-key", "old-key")
      const error = yield* Effect.flip(withClient(server, { apiKey }, (client) => client.getPage({})))
      assert.strictEqual(error.reason._tag, "Unauthorized")
      assert.deepStrictEqual(keysOf(server), ["old-key"])
    }).pipe(Effect.scoped)
  )

  it.live("fails when the other key is rejected too, and neither is in the error", () =>
    Effect.gen(function* () {
      const server = yield* accepting("third-key")
      const { apiKey } = source("old-key", "new-key")
      const error = yield* Effect.flip(withClient(server, { apiKey }, (client) => client.getPage({})))
      assert.strictEqual(error.reason._tag, "Unauthorized")
      assert.deepStrictEqual(keysOf(server), ["old-key", "new-key"])
      assert.include(error.message, "no such key: <redacted>")
      assert.notMatch(`${error.message}${JSON.stringify(error)}`, /old-key|new-key/)
    }).pipe(Effect.scoped)
  )

  it.live("goes on with the other key for the rest of the page", () =>
    Effect.gen(function* () {
      const server = yield* upstream((response, { headers }, n) => {
        if (headers["x-api-key"] !== "new-key") return json(response, {}, 401)
        return n === 2 ? json(response, {}, 503) : json(response, emptyPage)
      })
      const { apiKey } = source("old-key", "new-key")
      yield* withClient(server, { apiKey }, (client) => client.getPage({}))
      assert.deepStrictEqual(keysOf(server), ["old-key", "new-key", "new-key"])
    }).pipe(Effect.scoped)
  )

  it.live("is not sent when no header can carry it", () =>
    Effect.gen(function* () {
      const server = yield* accepting("new-key")
      const apiKey = Effect.succeed(Redacted.make("two\nlines"))
      const error = yield* Effect.flip(withClient(server, { apiKey }, (client) => client.getPage({})))
      assert.strictEqual(error.reason._tag, "Unauthorized")
      assert.lengthOf(server.requests, 0)
    }).pipe(Effect.scoped)
  )
})

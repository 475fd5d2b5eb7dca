/**
 * The active sessions as server-sent events, over real sockets.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { connect } from "node:net"
import { join } from "node:path"
import { createToken, directory, eventually, get, raw, serve, token as tokenCommand } from "./support/Proxy.ts"
import { EventReader } from "./support/EventReader.ts"
import { type Row, vendor as startVendor } from "./support/Vendor.ts"

const active = (id: string, more: object = {}): Row => ({
  id,
  status: "active",
  createdAt: "2026-03-02T08:00:00.000Z",
  ...more
})

/** A proxy that looks every 50 ms unless it is told otherwise. */
const serving = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const vendor = yield* startVendor
  const tokensFile = join(yield* directory, "tokens.json")
  const token = yield* createToken(tokensFile, "watcher")
  const proxy = yield* serve(vendor, tokensFile, [
    "--upstream-rate",
    "0",
    ...(args.includes("--watch-interval") ? [] : ["--watch-interval", "50ms"]),
    ...args
  ])
  const watch = (headers: Readonly<Record<string, string>> = {}, key = token) =>
    EventReader.open(`${proxy.url}/v1/events`, { "x-api-key": key, ...headers })
  return { ...proxy, vendor, token, tokensFile, watch }
})

it.live("tell first what is active, then what comes, changes and goes, without secrets", () =>
  Effect.gen(function* () {
    const { vendor, watch } = yield* serving()
    vendor.state.rows = [active("a", { liveUrl: "https://live.example/?token=canary" }), active("b")]
    const reader = yield* watch()
    assert.strictEqual(reader.status, 200)
    assert.strictEqual(reader.headers.get("content-type"), "text/event-stream; charset=utf-8")
    assert.strictEqual(reader.headers.get("cache-control"), "no-store")
    const snapshot = yield* reader.next("snapshot")
    assert.sameMembers(ids(snapshot.data.sessions), ["a", "b"])
    assert.isTrue(snapshot.data.whole)
    vendor.state.rows = [active("b", { creditsUsed: 2 }), active("c")]
    const change = yield* reader.next("change")
    assert.sameMembers(ids(change.data.added), ["c"])
    assert.sameMembers(ids(change.data.changed), ["b"])
    assert.deepStrictEqual(change.data.removed, ["a"])
    assert.notInclude(reader.text, "canary")
    assert.deepStrictEqual([...vendor.state.asked], ["active"])
  }).pipe(Effect.scoped)
)

it.live("show no session of another status, whatever the upstream makes of the filter", () =>
  Effect.gen(function* () {
    const { vendor, watch } = yield* serving()
    vendor.state.rows = [active("a"), { ...active("z"), status: "closed", unfiltered: true }]
    const snapshot = yield* (yield* watch()).next("snapshot")
    assert.deepStrictEqual(ids(snapshot.data.sessions), ["a"])
  }).pipe(Effect.scoped)
)

it.live("take one poll for all who watch, and none without a reader", () =>
  Effect.gen(function* () {
    const { token, tokensFile, vendor, watch } = yield* serving("--watch-interval", "1s")
    vendor.state.rows = [active("a")]
    const other = yield* createToken(tokensFile, "other")
    yield* Effect.sleep("1200 millis")
    assert.strictEqual(vendor.state.requests, 0)
    const first = yield* watch()
    yield* first.next("snapshot")
    const before = vendor.state.requests
    // None of these waits for a poll of its own.
    const readers = yield* Effect.forEach([token, token, other, other, other], (key) => watch({}, key))
    for (const reader of readers) yield* reader.next("snapshot")
    assert.isAtMost(vendor.state.requests - before, 2)
    vendor.state.rows = [active("a"), active("b")]
    const changes = yield* Effect.forEach([first, ...readers], (reader) => reader.next("change"))
    assert.strictEqual(new Set(changes.map(({ id }) => id)).size, 1)
    for (const reader of [first, ...readers]) yield* reader.close
    yield* Effect.sleep("1500 millis")
    const after = vendor.state.requests
    yield* Effect.sleep("2200 millis")
    assert.strictEqual(vendor.state.requests, after)
  }).pipe(Effect.scoped)
)

it.live("go on behind Last-Event-ID, and begin with a snapshot where that is too old or of another server", () =>
  Effect.gen(function* () {
    const { vendor, watch } = yield* serving()
    vendor.state.rows = [active("a")]
    const first = yield* watch()
    const { id } = yield* first.next("snapshot")
    yield* first.close
    vendor.state.rows = [active("a"), active("b")]
    const second = yield* watch({ "last-event-id": id })
    const resumed = yield* second.next()
    assert.strictEqual(resumed.event, "change")
    assert.deepStrictEqual(ids(resumed.data.added), ["b"])
    for (const strange of ["0123456789ab-0", "x", "", id.replace(/-\d+$/, "-999999")]) {
      const reader = yield* watch({ "last-event-id": strange })
      const begun = yield* reader.next()
      assert.strictEqual(begun.event, "snapshot", strange)
      assert.sameMembers(ids(begun.data.sessions), ["a", "b"])
    }
    // More than is kept.
    const big = "x".repeat(300_000)
    for (const [before, name] of ["bc", "cd", "de"]) {
      vendor.state.rows = [active("a"), active(String(name), { big })]
      // A poll on both sides of the change sees both.
      yield* eventually(second.next("change"), ({ data }) => JSON.stringify(data["removed"]).includes(String(before)))
    }
    const late = yield* (yield* watch({ "last-event-id": id })).next()
    assert.strictEqual(late.event, "snapshot")
    assert.sameMembers(ids(late.data.sessions), ["a", "e"])
  }).pipe(Effect.scoped)
)

it.live("tell of an upstream that fails, and of its return", () =>
  Effect.gen(function* () {
    const { vendor, watch } = yield* serving("--breaker-failures", "100")
    vendor.state.rows = [active("a")]
    const reader = yield* watch()
    yield* reader.next("snapshot")
    vendor.state.status = 500
    const { data, id } = yield* reader.next("problem")
    assert.strictEqual(id, "")
    assert.include(String(data.type), "upstream-failed")
    const late = yield* watch()
    assert.strictEqual((yield* late.next("problem")).event, "problem")
    vendor.state.status = 200
    yield* reader.next("change")
  }).pipe(Effect.scoped)
)

it.live("send comments while nothing happens", () =>
  Effect.gen(function* () {
    const { watch } = yield* serving("--heartbeat", "100ms")
    const reader = yield* watch()
    yield* reader.next("snapshot")
    yield* eventually(
      Effect.sync(() => reader.text.split("\n:\n").length),
      (count) => count > 3
    )
  }).pipe(Effect.scoped)
)

it.live("end with their token", () =>
  Effect.gen(function* () {
    const { adminUrl, tokensFile, watch } = yield* serving()
    const reader = yield* watch()
    yield* reader.next("snapshot")
    yield* tokenCommand(tokensFile, "revoke", "--name", "watcher")
    assert.strictEqual(yield* reader.ended, "cut")
    assert.strictEqual((yield* watch()).status, 401)
    const { text } = yield* get(`${adminUrl}/metrics`)
    assert.match(text, /^hb_sessions_proxy_token_ended 1$/m)
  }).pipe(Effect.scoped)
)

it.live("need a token that may see what is active, have places of their own, and no parameters", () =>
  Effect.gen(function* () {
    const { tokensFile, token, url, vendor, watch } = yield* serving("--max-watchers", "1", "--max-streams", "1")
    vendor.state.rows = [active("a")]
    const [closed, some] = [
      yield* createToken(tokensFile, "closed", { statuses: ["closed"] }),
      yield* createToken(tokensFile, "some", { statuses: ["active", "closed"] })
    ]
    yield* Effect.sleep("1200 millis")
    assert.strictEqual((yield* get(`${url}/v1/events`)).status, 401)
    assert.strictEqual((yield* watch({}, closed)).status, 403)
    const first = yield* watch({}, some)
    yield* first.next("snapshot")
    // A token that has a place already gets none of the extra ones.
    const second = yield* watch({}, some)
    assert.strictEqual(second.status, 503)
    assert.strictEqual((yield* get(`${url}/v1/sessions`, { headers: { "x-api-key": token } })).status, 200)
    assert.strictEqual((yield* get(`${url}/v1/events?status=closed`, { headers: { "x-api-key": token } })).status, 400)
  }).pipe(Effect.scoped)
)

it.live("drop a client that never reads, and go on for the others", () =>
  Effect.gen(function* () {
    const { adminUrl, token, url, vendor, watch } = yield* serving("--client-timeout", "1s")
    const reader = yield* watch()
    yield* reader.next("snapshot")
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => connect(Number(new URL(url).port), "127.0.0.1").pause()),
      (open) => Effect.sync(() => open.destroy())
    )
    socket.write(`GET /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: ${token}\r\n\r\n`)
    const big = "x".repeat(400_000)
    let round = 0
    // Whatever a connection holds by itself is full after some of these.
    const metrics = Effect.gen(function* () {
      round += 1
      vendor.state.rows = Array.from({ length: 10 }, (_, index) => active(`${round}-${index}`, { big }))
      yield* eventually(reader.next(), ({ data }) => JSON.stringify(data).includes(`"${round}-9"`))
      return (yield* get(`${adminUrl}/metrics`)).text
    })
    const text = yield* eventually(metrics, (all) => all.includes('connections_dropped{reason="idle"} 1\n'))
    assert.match(text, /^hb_sessions_proxy_requests_in_flight 1$/m)
  }).pipe(Effect.scoped)
)

it.live("answer HTTP/1.0 without chunks, and HEAD with the head alone", () =>
  Effect.gen(function* () {
    const { token, url, vendor } = yield* serving()
    vendor.state.rows = [active("a")]
    const ask = (line: string) => raw(url, `${line}\r\nhost: 127.0.0.1\r\nx-api-key: ${token}\r\n\r\n`, 1000)
    const old = (yield* ask("GET /v1/events HTTP/1.0")).text
    assert.match(old, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nretry: 2000\n\nevent: snapshot\nid: \S+\ndata: \{.*\}\n\n$/)
    assert.notMatch(old, /transfer-encoding/i)
    const head = (yield* ask("HEAD /v1/events HTTP/1.1")).text
    assert.match(head, /^HTTP\/1\.1 200 OK\r\n[^]*text\/event-stream[^]*\r\n\r\n$/)
  }).pipe(Effect.scoped)
)

it.live("end at SIGTERM with a time to come back after", () =>
  Effect.gen(function* () {
    const { stop, watch } = yield* serving("--grace", "1h")
    const readers = [yield* watch(), yield* watch({ "accept-encoding": "gzip" })]
    for (const reader of readers) yield* reader.next("snapshot")
    const { code } = yield* stop("SIGTERM")
    assert.strictEqual(code, 0)
    for (const reader of readers) {
      assert.strictEqual(yield* reader.ended, "ended")
      assert.isTrue(reader.text.endsWith("\n\nretry: 1000\n\n"))
    }
  }).pipe(Effect.scoped)
)

it.live("end by themselves before an answer may last no longer", () =>
  Effect.gen(function* () {
    const { watch } = yield* serving("--read-timeout", "1s")
    const reader = yield* watch()
    yield* reader.next("snapshot")
    assert.strictEqual(yield* reader.ended, "ended")
  }).pipe(Effect.scoped)
)

const ids = (rows: unknown): Array<string> => (rows as ReadonlyArray<Row>).map((row) => row.id)

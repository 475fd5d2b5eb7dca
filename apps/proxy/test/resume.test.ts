/**
 * Whole lists that are continued after a cut, and after a stop of the server: each session once, or a reason why not.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { ask, decoded, open, rest } from "./support/Coded.ts"
import { createToken, directory, eventually, get, serve, start } from "./support/Proxy.ts"
import { join } from "node:path"
import { upstream } from "./support/Upstream.ts"
import { writeFileSync } from "node:fs"

const PAGE = 20

const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => ({
    id: `session-${String(to - index).padStart(5, "0")}`,
    status: "closed",
    createdAt: new Date(1_700_000_000_000 + (to - index) * 1000).toISOString()
  }))

type Row = ReturnType<typeof rows>[number]

/** A list, newest first, that a test changes; from a page on its answers wait until they are let go. */
const changing = (count: number, holdFrom = Number.POSITIVE_INFINITY, perPage = PAGE) =>
  Effect.gen(function* () {
    let sessions: ReadonlyArray<Row> = rows(0, count)
    let hold = holdFrom
    let held: Array<() => void> = []
    const source = yield* upstream(({ url = "" }, response: ServerResponse) => {
      const page = Number(new URL(url, "http://upstream").searchParams.get("page") ?? 1)
      const answer = () => {
        const shown = sessions.slice((page - 1) * perPage, page * perPage)
        response.setHeader("content-type", "application/json")
        response.end(JSON.stringify({ sessions: shown, totalCount: sessions.length, page, perPage }))
      }
      if (page >= hold) held.push(answer)
      else answer()
    })
    return {
      source,
      ids: () => sessions.map(({ id }) => id),
      isHolding: () => held.length > 0,
      change: (make: (before: ReadonlyArray<Row>) => ReadonlyArray<Row>) => {
        sessions = make(sessions)
      },
      letGo: (from = Number.POSITIVE_INFINITY) => {
        hold = from
        for (const answer of held) answer()
        held = []
      }
    }
  })

/** More rows on top than there were. */
const grow = (by: number) => (before: ReadonlyArray<Row>) => [...rows(before.length, before.length + by), ...before]

/** The sessions, the last token and the report of what came of NDJSON; a line that is torn is none. */
const read = (text: string) => {
  const ids: Array<string> = []
  let token: string | undefined
  let after = 0
  let report: { readonly completeness: { readonly status: string }; readonly resumed: boolean } | undefined
  for (const line of text.split("\n").slice(0, -1)) {
    const found = JSON.parse(line)
    if (found.id !== undefined) ids.push(found.id)
    if (found.report !== undefined) report = found.report
    if (found.resume === undefined) continue
    token = found.resume
    after = ids.length
  }
  // What came behind the last token will come again.
  return { ids, token, delivered: ids.slice(0, after), report }
}

/** Reads until a number of whole lines is there, then cuts the connection. */
const cutAfter = (response: IncomingMessage, lines: number) =>
  Effect.callback<string>((resume) => {
    let text = ""
    response.on("data", (piece: Buffer) => {
      text += piece.toString()
      if (text.split("\n").length <= lines) return
      response.socket.resetAndDestroy()
      resume(Effect.succeed(text))
    })
    response.on("error", () => {})
  })

const list = "/v1/sessions.ndjson?resumable=true"

it.live("is continued after a cut of the connection, again and again, while it grows: each session comes once", () =>
  Effect.gen(function* () {
    const { change, ids, letGo, source } = yield* changing(200, 4)
    const proxy = yield* start(source, ["--read-concurrency", "1"])
    const first = yield* open(proxy.url + list, { headers: proxy.auth })
    const parts = [read(yield* cutAfter(first, 3 * (PAGE + 1)))]
    assert.lengthOf(parts[0]?.delivered ?? [], 3 * PAGE)
    change(grow(7))
    letGo(8)
    const continued = (token = "") => `${proxy.url}/v1/sessions.ndjson?from=${token}`
    const second = yield* open(continued(parts[0]?.token), { headers: proxy.auth })
    assert.strictEqual(second.statusCode, 200)
    parts.push(read(yield* cutAfter(second, PAGE + 1)))
    assert.isAbove(parts[1]?.delivered.length ?? 0, 0)
    change(grow(1))
    letGo()
    const { body, status } = yield* ask(continued(parts[1]?.token), { headers: proxy.auth })
    const last = read(body.toString())
    assert.strictEqual(status, 200)
    assert.deepStrictEqual([last.report?.completeness.status, last.report?.resumed], ["proven", true])
    const all = [...parts.flatMap(({ delivered }) => delivered), ...last.ids]
    assert.deepStrictEqual(all.toSorted(), ids().toSorted())
  }).pipe(Effect.scoped)
)

it.live("is continued after the proxy was killed, by another one", () =>
  Effect.gen(function* () {
    const { ids, isHolding, letGo, source } = yield* changing(100, 3)
    const file = join(yield* directory, "tokens.json")
    const auth = { "x-api-key": yield* createToken(file, "team") }
    const one = yield* serve(source, file, ["--read-concurrency", "1"])
    const response = yield* open(one.url + list, { headers: auth })
    const answer = yield* Effect.forkChild(rest(response), { startImmediately: true })
    yield* eventually(Effect.sync(isHolding), (holds) => holds)
    yield* one.stop("SIGKILL")
    const { body, isComplete } = yield* Fiber.join(answer)
    assert.isFalse(isComplete)
    const part = read(body.toString())
    letGo()
    const other = yield* serve(source, file)
    const next = yield* get(`${other.url}/v1/sessions?from=${part.token}`, { headers: auth })
    assert.deepStrictEqual([...part.delivered, ...read(next.text).ids], ids())
  }).pipe(Effect.scoped)
)

for (const [format, accept] of [
  ["ndjson", undefined],
  ["ndjson", "gzip"],
  ["csv", undefined],
  ["csv", "zstd"],
  ["json", undefined]
] as const) {
  it.live(
    `ends with a token at SIGTERM, and another server has the rest: ${format}, ${accept ?? "not compressed"}`,
    () =>
      Effect.gen(function* () {
        const { change, ids, isHolding, letGo, source } = yield* changing(100, 3)
        const file = join(yield* directory, "tokens.json")
        const token = yield* createToken(file, "team")
        const headers = { "x-api-key": token, ...(accept === undefined ? {} : { "accept-encoding": accept }) }
        const one = yield* serve(source, file, ["--read-concurrency", "1", "--grace", "1h"])
        const path = `/v1/sessions.${format}?${format === "csv" ? "columns=id,status&" : ""}`
        const response = yield* open(`${one.url}${path}resumable=true`, { headers })
        assert.include(response.headers.trailer, "hb-sessions-resume")
        const answer = yield* Effect.forkChild(rest(response), { startImmediately: true })
        yield* eventually(Effect.sync(isHolding), (holds) => holds)
        const { code } = yield* one.stop("SIGTERM")
        const { body, isComplete, trailers } = yield* Fiber.join(answer)
        assert.strictEqual(code, 0)
        assert.isTrue(isComplete)
        const text = decoded(body, accept)
        // It must not look like a whole list.
        assert.isUndefined(trailers["hb-sessions-completeness"])
        const resume = trailers["hb-sessions-resume"] ?? ""
        change(grow(3))
        letGo()
        const other = yield* serve(source, file)
        const next = yield* ask(`${other.url}${path}from=${resume}`, { headers })
        assert.match(next.trailers["hb-sessions-completeness"] ?? "", /^proven/)
        assert.isUndefined(next.trailers["hb-sessions-resume"])
        const more = decoded(next.body, accept)
        const found = () => {
          if (format === "csv") {
            const [header, ...lines] = (text + more).trimEnd().split("\r\n")
            assert.strictEqual(header, "id,status")
            return lines.map((line) => line.split(",")[0] ?? "")
          }
          if (format === "ndjson") {
            const part = read(text)
            assert.deepStrictEqual([part.token, part.delivered.length], [resume, part.ids.length])
            assert.isUndefined(part.report)
            return [...part.ids, ...read(more).ids]
          }
          const part = JSON.parse(text)
          assert.deepStrictEqual([part.resume, part.report], [resume, undefined])
          return [...part.sessions, ...JSON.parse(more).sessions].map(({ id }) => id)
        }
        const all = found()
        assert.deepStrictEqual(all.toSorted(), ids().toSorted())
      }).pipe(Effect.scoped)
  )
}

it.live("gets 503 at SIGTERM before anything was sent, and goes on to its end where the client cannot continue", () =>
  Effect.gen(function* () {
    const { isHolding, letGo, source } = yield* changing(60, 1)
    const proxy = yield* start(source, ["--grace", "1h"])
    const resumable = yield* Effect.forkChild(ask(proxy.url + list, { headers: proxy.auth }), {
      startImmediately: true
    })
    const plain = yield* Effect.forkChild(ask(`${proxy.url}/v1/sessions`, { headers: proxy.auth }), {
      startImmediately: true
    })
    yield* eventually(get(`${proxy.adminUrl}/metrics`), ({ text }) => text.includes("requests_in_flight 2"))
    yield* eventually(Effect.sync(isHolding), (holds) => holds)
    const stopping = yield* Effect.forkChild(proxy.stop("SIGTERM"), { startImmediately: true })
    const { body, headers, status } = yield* Fiber.join(resumable)
    assert.deepStrictEqual([status, headers["retry-after"]], [503, "1"])
    assert.include(JSON.parse(body.toString()).detail, "stopping")
    letGo()
    const whole = yield* Fiber.join(plain)
    assert.lengthOf(whole.body.toString().trimEnd().split("\n"), 61)
    yield* Fiber.join(stopping)
  }).pipe(Effect.scoped)
)

it.live("tells why it cannot be continued", () =>
  Effect.gen(function* () {
    const { change, ids, source } = yield* changing(100)
    const folder = yield* directory
    const file = join(folder, "tokens.json")
    const auth = { "x-api-key": yield* createToken(file, "team") }
    const proxy = yield* serve(source, file, ["--rate", "0"])
    const whole = yield* get(proxy.url + list, { headers: auth })
    const marks = whole.text.split("\n").flatMap((line) => /^\{"resume":"(.*)"\}$/.exec(line)?.[1] ?? [])
    assert.lengthOf(marks, 5)
    const [, second = ""] = marks
    const ask409 = (query: string, url = proxy.url) =>
      Effect.map(get(`${url}/v1/sessions?${query}`, { headers: auth }), ({ status, text }) => {
        const { detail, parameter, type } = JSON.parse(text)
        return [status, String(type).split(":").at(-1), parameter ?? detail]
      })
    const rejected = (query: string) => Effect.map(ask409(query), ([status, type, why]) => [status, type, why])
    for (const [query, parameter] of [
      [`from=`, "from"],
      [`from=abc`, "from"],
      [`from=${second.slice(0, -1)}`, "from"],
      [`from=${second}&consistency=fast`, "consistency"],
      [`resumable=true&consistency=fast`, "consistency"],
      [`from=${second}&columns=*`, "columns"],
      [`resumable=yes`, "resumable"]
    ] as const) {
      assert.deepStrictEqual(yield* rejected(query), [400, "invalid-parameter", parameter], query)
    }
    const [, sum = "", payload = ""] = second.split(".")
    for (const [query, why] of [
      [`from=${second.replace(sum, "00000000")}`, "it is damaged"],
      [`from=${second.replace(payload, `${payload}AAAA`)}`, "it is damaged"],
      [`from=${second.replace("hbs2", "hbs1")}`, "it is of version hbs1"],
      [`from=${second}&status=closed`, "it is of another query"],
      [`from=${second}&since=2020-01-01`, "it is of another query"]
    ] as const) {
      const [status, type, detail] = yield* ask409(query)
      assert.deepStrictEqual([status, type], [409, "not-resumable"], query)
      assert.include(detail, why)
      assert.notInclude(detail, "upstream")
    }
    assert.strictEqual((yield* get(`${proxy.url}/v1/stats?from=${second}`, { headers: auth })).status, 400)

    const before = ids()
    // A session that was delivered has gone.
    change((sessions) => sessions.filter(({ id }) => id !== before[3]))
    const [status, type, detail] = yield* ask409(`from=${second}`)
    assert.deepStrictEqual([status, type], [409, "not-resumable"])
    assert.include(detail, "the list has changed")
    // One that was not delivered yet may go.
    change(() => rows(0, 100).filter(({ id }) => id !== before[90]))
    const more = read((yield* get(`${proxy.url}/v1/sessions?from=${second}`, { headers: auth })).text)
    assert.deepStrictEqual(
      more.ids,
      before.slice(2 * PAGE).filter((id) => id !== before[90])
    )
    change(() => [...rows(100, 2200), ...rows(0, 100)])
    assert.include((yield* ask409(`from=${second}`))[2], "too old: more than 2000 sessions are new")

    // The same token of a proxy of accounts.
    change(() => rows(0, 100))
    const accounts = join(folder, "accounts.toml")
    const key = join(folder, "key")
    writeFileSync(key, "some-key")
    writeFileSync(accounts, `[defaults]\nbase_url = "${source.url}"\n[accounts.a]\napi_key_file = "${key}"\n`)
    const others = join(folder, "other-tokens.json")
    const other = yield* createToken(others, "team", { account: "a" })
    const served = yield* serve({ ...source, apiKey: "" }, others, ["--accounts", accounts])
    const answer = yield* get(`${served.url}/v1/sessions?from=${second}`, { headers: { "x-api-key": other } })
    assert.strictEqual(answer.status, 409)
    assert.include(answer.text, "of another account")
  }).pipe(Effect.scoped)
)

it.live("has tokens that fit into a URL, however long the list", () =>
  Effect.gen(function* () {
    const { source } = yield* changing(1200, Number.POSITIVE_INFINITY, 300)
    const proxy = yield* start(source, ["--rate", "0", "--upstream-rate", "0"])
    const path = "/v1/sessions.ndjson?since=2000-01-01T00:00:00Z&until=2100-01-01T00:00:00Z&status=closed,active,error"
    const { text } = yield* get(`${proxy.url}${path}&resumable=true`, { headers: proxy.auth })
    const { ids, token = "" } = read(text)
    assert.lengthOf(ids, 1200)
    assert.isAbove(token.length, 1500)
    const { status, text: more } = yield* get(`${proxy.url}${path}&from=${token}`, { headers: proxy.auth })
    assert.deepStrictEqual([status, read(more).ids], [200, []])
    const long = yield* get(`${proxy.url}${path}&from=${"x".repeat(4100)}`, { headers: proxy.auth })
    assert.strictEqual(long.status, 414)
  }).pipe(Effect.scoped)
)

import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { inspect } from "node:util"
import { assert, describe, it, vi } from "@effect/vitest"
import {
  createSessionsClient,
  type ReadReport,
  type Session,
  SessionsApiError,
  type SessionsClientOptions
} from "../src/promise.ts"
import { type Answer, row, type Seen, serve } from "./promiseServer.ts"

const start = async (count: number, intercept?: (seen: Seen) => Answer | undefined) => {
  const server = await serve(count, intercept)
  const client = (options: Partial<SessionsClientOptions> = {}) =>
    createSessionsClient({ apiKey: "key-1", baseUrl: server.url, retryBaseDelay: 1, ...options })
  return { server, client, [Symbol.asyncDispose]: server[Symbol.asyncDispose] }
}

const rejection = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error("it was not rejected")
}

const apiError = async (promise: Promise<unknown>): Promise<SessionsApiError> => {
  const error = await rejection(promise)
  assert.instanceOf(error, SessionsApiError)
  return error
}

const collect = async <A>(items: AsyncIterable<A>): Promise<ReadonlyArray<A>> => {
  const all: Array<A> = []
  for await (const item of items) all.push(item)
  return all
}

const ids = (sessions: Iterable<Pick<Session, "id">>) => Array.from(sessions, ({ id }) => id)
const rows = (count: number) => ids(Array.from({ length: count }, (_, index) => row(index)))

/** Waits until a condition holds that the other side of a socket brings about. */
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 30_000, interval: 5 })

describe("list", () => {
  it("gives one page as the server has it", async () => {
    await using context = await start(25)
    const page = await context.client().list({ page: 2, pageSize: 4, status: "active" })
    assert.deepStrictEqual(ids(page.sessions), [row(16).id, row(20).id, row(24).id])
    assert.deepStrictEqual([page.totalCount, page.page, page.pageSize], [7, 2, 4])
    assert.strictEqual(page.sessions[0]?.startTime, Number(row(16).startTime))
    assert.deepStrictEqual(context.server.requests, [
      { page: 2, status: "active", limit: "4", key: "key-1", cut: false }
    ])
  })

  it("gives page 1 without options, of all sessions", async () => {
    await using context = await start(25)
    const page = await context.client().list()
    assert.deepStrictEqual([page.page, page.totalCount], [1, 25])
  })

  it("ends with the signal's reason, and ends the request", async () => {
    await using context = await start(1, () => "never")
    const controller = new AbortController()
    const listed = rejection(context.client().list({ signal: controller.signal }))
    await eventually(() => assert.lengthOf(context.server.requests, 1))
    const reason = new Error("enough")
    controller.abort(reason)
    assert.strictEqual(await listed, reason)
    await eventually(() => assert.isTrue(context.server.requests[0]?.cut))
  })
})

describe("sessions", () => {
  it("gives each session once, and reads anew in each loop", async () => {
    await using context = await start(47)
    const all = context.client().sessions()
    assert.deepStrictEqual(ids(await collect(all)), rows(47))
    assert.deepStrictEqual(ids(await collect(all)), rows(47))
  })

  it("filters by status and by time", async () => {
    await using context = await start(47)
    const read = context.client().sessions({
      status: ["active", "error"],
      since: new Date(row(20).createdAt),
      until: row(4).createdAt,
      pageSize: 5
    })
    assert.deepStrictEqual(ids(await collect(read)), ids([row(8), row(12), row(16), row(20)]))
    assert.strictEqual(context.server.requests[0]?.limit, "5")
  })

  it("sends nothing before the loop starts", async () => {
    await using context = await start(47)
    context.client().sessions()
    context.client().pages()
    await context.client().list()
    assert.lengthOf(context.server.requests, 1)
  })

  it("ends the requests in flight when the loop is left", async () => {
    await using context = await start(200, ({ page }) => (page > 2 ? "never" : undefined))
    const later = () => context.server.requests.filter(({ page }) => page > 2)
    for await (const session of context.client().sessions({ concurrency: 3 })) {
      if (session.id === row(10).id) break
    }
    await eventually(() => assert.isNotEmpty(later()))
    await eventually(() => assert.isTrue(later().every(({ cut }) => cut)))
  })

  it("ends with the signal's reason while it waits for a page", async () => {
    await using context = await start(200, ({ page }) => (page > 1 ? "never" : undefined))
    const controller = new AbortController()
    const seen: Array<string> = []
    const loop = async () => {
      for await (const { id } of context.client().sessions({ signal: controller.signal })) seen.push(id)
    }
    const ended = rejection(loop())
    await eventually(() => assert.isAbove(context.server.requests.length, 1))
    controller.abort()
    const error = await ended
    assert.deepStrictEqual([error, (error as Error).name], [controller.signal.reason, "AbortError"])
    assert.deepStrictEqual(seen, rows(10))
    await eventually(() => assert.isTrue(context.server.requests.slice(1).every(({ cut }) => cut)))
    const sent = context.server.requests.length
    await context.client().list()
    assert.lengthOf(context.server.requests, sent + 1)
  })

  it("sends nothing when the signal is aborted already", async () => {
    await using context = await start(3)
    const error = await rejection(collect(context.client().sessions({ signal: AbortSignal.abort("late") })))
    assert.strictEqual(error, "late")
    assert.lengthOf(context.server.requests, 0)
  })

  it("leaves no listener on the signal", async () => {
    await using context = await start(3)
    const { signal } = new AbortController()
    const added = vi.spyOn(signal, "addEventListener")
    const removed = vi.spyOn(signal, "removeEventListener")
    await collect(context.client().sessions({ signal }))
    await context.client().list({ signal })
    assert.lengthOf(added.mock.calls, 2)
    assert.deepStrictEqual(
      removed.mock.calls.map(([, listener]) => listener),
      added.mock.calls.map(([, listener]) => listener)
    )
  })

  it("throws a failure behind the sessions of the pages before", async () => {
    await using context = await start(25, ({ page }) => (page === 3 ? [500, { message: "broken" }] : undefined))
    const seen: Array<Session> = []
    const loop = async () => {
      for await (const session of context.client({ retries: 1 }).sessions()) seen.push(session)
    }
    const error = await apiError(loop())
    assert.deepStrictEqual([error.code, error.status, error.page], ["UPSTREAM_UNAVAILABLE", 500, 3])
    assert.deepStrictEqual(ids(seen), rows(20))
  })

  it("reports on the read, and throws what the report's receiver throws", async () => {
    await using context = await start(25)
    const reports: Array<ReadReport> = []
    await collect(context.client().sessions({ onReport: (report) => void reports.push(report) }))
    assert.lengthOf(reports, 1)
    assert.strictEqual(reports[0]?.completeness.status, "proven")
    const thrown = new Error("no room")
    const onReport = () => {
      throw thrown
    }
    assert.strictEqual(await rejection(collect(context.client().sessions({ onReport }))), thrown)
  })

  it("waits for the report's receiver, and throws what it rejects with", async () => {
    await using context = await start(25)
    const rejected = new Error("no room")
    let isStored = false
    const store = async () => {
      await new Promise((done) => setTimeout(done, 20))
      isStored = true
    }
    await collect(context.client().sessions({ onReport: store }))
    assert.isTrue(isStored)
    const unhandled: Array<unknown> = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on("unhandledRejection", note)
    const error = await rejection(collect(context.client().sessions({ onReport: () => Promise.reject(rejected) })))
    await new Promise((done) => setTimeout(done, 20))
    process.off("unhandledRejection", note)
    assert.strictEqual(error, rejected)
    assert.deepStrictEqual(unhandled, [])
  })
})

describe("pages", () => {
  it("goes on after a token", async () => {
    await using context = await start(47)
    const before: Array<Session> = []
    let from = ""
    for await (const { page, resumeToken, sessions } of context.client().pages({ consistency: "fast" })) {
      before.push(...sessions)
      from = resumeToken
      if (page === 2) break
    }
    const after = await collect(context.client().sessions({ consistency: "fast", from }))
    assert.deepStrictEqual(ids([...before, ...after]), rows(47))
  })

  it("emits again where the list has changed, or fails when that is asked for", async () => {
    await using context = await start(47)
    let from = ""
    for await (const { page, resumeToken } of context.client().pages()) {
      from = resumeToken
      if (page === 2) break
    }
    await using changed = await start(47, ({ page }) => {
      const sessions = Array.from({ length: 40 }, (_, index) => row(index + 7)).slice((page - 1) * 10, page * 10)
      return [200, { sessions, totalCount: 40, page, pageSize: 10 }]
    })
    const rest = await collect(changed.client().sessions({ from }))
    assert.includeMembers(ids(rest), rows(47).slice(20))
    const error = await apiError(collect(changed.client().sessions({ from, whenChanged: "fail" })))
    assert.strictEqual(error.code, "INVALID_RESUME_TOKEN")
    assert.include(error.message, "the list has changed")
  })

  it("rejects a damaged token", async () => {
    await using context = await start(47)
    const error = await apiError(collect(context.client().pages({ from: "x" })))
    assert.deepStrictEqual([error.code, error.retryable], ["INVALID_RESUME_TOKEN", false])
  })
})

describe("toArray", () => {
  it("gives at most the limit, and fetches no more than that needs", async () => {
    await using context = await start(470)
    const some = await context.client().toArray({ limit: 15, concurrency: 1 })
    assert.deepStrictEqual(ids(some), rows(15))
    assert.isAtMost(context.server.requests.length, 3)
  })

  it("gives all when there are fewer", async () => {
    await using context = await start(7)
    assert.lengthOf(await context.client().toArray({ limit: 1000 }), 7)
  })
})

describe("SessionsApiError", () => {
  it("tells what the server said", async () => {
    await using context = await start(0, () => [401, { message: "Bad key key-1" }, { "x-request-id": "r-1" }])
    const error = await apiError(context.client().list())
    assert.deepStrictEqual(
      { ...error },
      {
        name: "SessionsApiError",
        code: "UNAUTHORIZED",
        status: 401,
        page: 1,
        requestId: "r-1",
        retryable: false,
        retryAfterMillis: undefined
      }
    )
    assert.include(error.message, "Bad key <redacted>")
    assert.deepInclude(error.cause, { _tag: "SessionsError", page: 1 })
    assert.notInclude(inspect(error, { depth: 9, showHidden: true }), "key-1")
    assert.instanceOf(error, Error)
  })

  it.each([
    [400, "INVALID_REQUEST", false, undefined],
    [402, "PAYMENT_REQUIRED", false, undefined],
    [403, "UNAUTHORIZED", false, undefined],
    [404, "UNEXPECTED_RESPONSE", false, undefined],
    [429, "RATE_LIMITED", true, 7_200_000],
    [503, "UPSTREAM_UNAVAILABLE", true, 7_200_000]
  ] as const)("has a code for HTTP %i", async (status, code, retryable, retryAfterMillis) => {
    await using context = await start(0, () => [status, { error: "no" }, { "retry-after": "7200" }])
    const error = await apiError(context.client().list())
    assert.deepStrictEqual(
      [error.status, error.code, error.retryable, error.retryAfterMillis],
      [status, code, retryable, retryAfterMillis]
    )
    assert.lengthOf(context.server.requests, 1)
  })

  it("has no status when there was no answer", async () => {
    await using context = await start(0, () => "never")
    const error = await apiError(context.client({ attemptTimeout: 20, retries: 0 }).list({ page: 3 }))
    assert.deepStrictEqual([error.code, error.status, error.page], ["UPSTREAM_UNAVAILABLE", undefined, 3])
  })
})

describe("options", () => {
  it("passes requests to another fetch", async () => {
    const urls: Array<string> = []
    const client = createSessionsClient({
      apiKey: "key-1",
      baseUrl: "https://sessions.example/prefix/",
      fetch: async (input, init) => {
        urls.push(`${String(input)} ${init?.redirect}`)
        return Response.json({ sessions: [row(0)], totalCount: 1, page: 1, pageSize: 10 })
      }
    })
    assert.deepStrictEqual(ids((await client.list()).sessions), rows(1))
    assert.deepStrictEqual(urls, ["https://sessions.example/prefix/api/sessions manual"])
  })

  it("keeps one pace over all calls", async () => {
    await using context = await start(1)
    const client = context.client({ maxRequestsPerSecond: 0.01 })
    await client.list()
    const signal = AbortSignal.timeout(100)
    const error = await rejection(client.list({ signal }))
    assert.strictEqual(error, signal.reason)
    assert.lengthOf(context.server.requests, 1)
  })

  it("retries as often as told", async () => {
    await using context = await start(0, () => [503, {}])
    await apiError(context.client({ retries: 2 }).list())
    assert.lengthOf(context.server.requests, 3)
  })

  it.each<[object, RegExp]>([
    [{}, /^apiKey must be/],
    [{ apiKey: " " }, /^apiKey must be/],
    [{ apiKey: "secret", baseUrl: "ftp://host" }, /^baseUrl must be an http or https URL$/],
    [{ apiKey: "secret", baseUrl: "sessions" }, /^baseUrl must be/],
    [{ apiKey: "secret", retries: -1 }, /^retries must be a whole number from 0, not -1$/],
    [{ apiKey: "secret", attemptTimeout: "30 seconds" }, /^attemptTimeout must be a number of milliseconds, not "30 /],
    [{ apiKey: "secret", totalTimeout: Number.NaN }, /^totalTimeout must be/],
    [{ apiKey: "secret", maxRequestsPerSecond: -1 }, /^maxRequestsPerSecond must be a number from 0, not -1$/],
    [{ apiKey: "secret", maxBodyBytes: 0.5 }, /^maxBodyBytes must be a whole number from 1, not 0.5$/],
    [{ apiKey: "secret", fetch: 1 }, /^fetch must be a function$/]
  ])("rejects the settings %j", (options, message) => {
    assert.throws(() => createSessionsClient(options as SessionsClientOptions), TypeError, message)
  })

  const client = createSessionsClient({ apiKey: "key-1", baseUrl: "http://127.0.0.1:1" })

  it.each<[object, RegExp]>([
    [{ concurrency: 0 }, /^concurrency must be a whole number from 1, not 0$/],
    [{ pageSize: 1.5 }, /^pageSize must be/],
    [{ retryBudget: -1 }, /^retryBudget must be a whole number from 0, not -1$/],
    [{ maxPages: "5" }, /^maxPages must be a whole number from 1, not "5"$/],
    [{ status: "" }, /^status must be text such as "active", not ""$/],
    [{ status: ["active", 1] }, /^status must be text such as "active", not 1$/],
    [{ consistency: "best" }, /^consistency must be "verified" or "fast", not "best"$/],
    [{ filter: "none" }, /^filter must be/],
    [{ concurrency: Number.NaN }, /^concurrency must be a whole number from 1, not NaN$/],
    [{ pageSize: -1 }, /^pageSize must be/],
    [{ maxPages: Number.POSITIVE_INFINITY }, /^maxPages must be/],
    [{ status: null }, /^status must be text such as "active", not null$/],
    [{ from: 7 }, /^from must be a resume token, not 7$/],
    [{ onReport: "log" }, /^onReport must be a function, not "log"$/],
    [{ signal: {} }, /^signal must be an AbortSignal, not an object$/],
    ...[{}, { year: 2026 }, [], null, true, "5", "2026-02-30", Number.NaN].map((since): [object, RegExp] => [
      { since },
      /^since must be a Date, ISO 8601 text or epoch milliseconds, not /
    ]),
    [{ since: "yesterday" }, /^since must be a Date, ISO 8601 text or epoch milliseconds, not "yesterday"$/],
    [{ until: new Date(Number.NaN) }, /^until must be/]
  ])("does not read with %j", (options, message) => {
    assert.throws(() => client.sessions(options), TypeError, message)
    assert.throws(() => client.pages(options), TypeError, message)
  })

  it.each<[() => Promise<unknown>, RegExp]>([
    [() => client.list({ page: 0 }), /^page must be a whole number from 1, not 0$/],
    [() => client.list({ status: "" }), /^status must be/],
    [() => client.toArray({} as never), /^limit is required/],
    [() => client.toArray({ limit: 0 }), /^limit must be a whole number from 1, not 0$/],
    [() => client.toArray({ limit: 1, pageSize: 0 }), /^pageSize must be/]
  ])("rejects %s", async (call, message) => {
    const error = await rejection(call())
    assert.instanceOf(error, TypeError)
    assert.match((error as Error).message, message)
  })
})

describe("the declarations", () => {
  it("name nothing of Effect", { timeout: 120_000 }, () => {
    const root = fileURLToPath(new URL("..", import.meta.url))
    const out = Fs.mkdtempSync(Path.join(Os.tmpdir(), "declarations-"))
    try {
      const compiler = fileURLToPath(new URL("bin/tsc", import.meta.resolve("typescript/package.json")))
      const settings = ["-p", "tsconfig.build.json", "--emitDeclarationOnly", "--declarationMap", "false"]
      const info = Path.join(out, ".tsbuildinfo")
      spawnSync(process.execPath, [compiler, ...settings, "--outDir", out, "--tsBuildInfoFile", info], { cwd: root })
      const [entry = "", types = ""] = ["promise.d.ts", "internal/promiseTypes.d.ts"].map((file) =>
        Fs.readFileSync(Path.join(out, file), "utf8")
      )
      assert.include(entry, "createSessionsClient: (options: SessionsClientOptions) => SessionsClient")
      assert.include(types, "interface SessionsClientOptions")
      const own = /^(?:import|export) type \{[^}]*\} from "\.\/internal\/promiseTypes\.\w+";?$/gm
      const text = `${entry.replaceAll(own, "")}${types}`
      assert.notMatch(text, /\bimport\b|\bfrom "|\bEffect\.|\bStream\.|\bSchema\./)
    } finally {
      Fs.rmSync(out, { recursive: true })
    }
  })
})

import { assert, describe, it } from "@effect/vitest"
import { Cause, DateTime, Effect, Exit, Layer, Redacted, Stream } from "effect"
import { InvalidOptions } from "../src/InvalidOptions.ts"
import * as Sessions from "../src/Sessions.ts"
import { SessionsClient } from "../src/SessionsClient.ts"

const defect = <A, E>(exit: Exit.Exit<A, E>) => {
  const found = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  assert.instanceOf(found, InvalidOptions)
  return found.message
}

/** Counts what is asked for. */
const counting = () => {
  let requests = 0
  const page = Effect.sync(() => {
    requests += 1
    return { sessions: [], totalCount: 0, page: 1, pageSize: 10 }
  })
  const client = SessionsClient.of({ getPage: () => page, getPageResponse: () => Effect.die("unused") })
  return { layer: Layer.succeed(SessionsClient, client), requests: () => requests }
}

const time = "a time: a DateTime, a Date, ISO 8601 text or epoch milliseconds"

describe("a read", () => {
  const wrong: ReadonlyArray<readonly [Record<string, unknown>, string]> = [
    [{ concurrency: Number.NaN }, "concurrency must be a whole number from 1, not NaN"],
    [{ concurrency: 0.5 }, "concurrency must be a whole number from 1, not 0.5"],
    [{ pageSize: -1 }, "pageSize must be a whole number from 1, not -1"],
    [{ maxPages: 0 }, "maxPages must be a whole number from 1, not 0"],
    [{ retryBudget: Number.NaN }, "retryBudget must be a whole number from 0, not NaN"],
    [{ since: {} }, `since must be ${time}, not an object`],
    [{ until: { epochMilliseconds: Number.NaN } }, `until must be ${time}, not an object`],
    [{ until: { now: 1 } }, `until must be ${time}, not an object`],
    [{ since: "5" }, `since must be ${time}, not "5"`],
    [{ since: "2026-02-30" }, `since must be ${time}, not "2026-02-30": February 2026 has 28 days`],
    [
      { since: 1_790_000_000 },
      `since must be ${time}, not 1790000000: it looks like seconds; in milliseconds it is 1790000000000, which is 2026-09-21T14:13:20.000Z`
    ],
    [{ since: { year: 2026, month: 2, day: 30 } }, `since must be ${time}, not an object: there is no such time`],
    [{ since: "2026-01-31", until: "2026-01-31" }, "until must be after since, or no session can match"],
    [{ status: [7] }, 'status must be text such as "active", not 7'],
    [{ filter: "both" }, 'filter must be "server" or "client", not "both"'],
    [{ consistency: true }, 'consistency must be "verified" or "fast", not true'],
    [{ onReport: {} }, "onReport must be a function, not an object"]
  ]
  for (const [options, message] of wrong) {
    it.effect(`dies of ${JSON.stringify(options)} before its first request`, () =>
      Effect.gen(function* () {
        const { layer, requests } = counting()
        const exit = yield* Effect.exit(Effect.provide(Stream.runDrain(Sessions.stream(options)), layer))
        assert.strictEqual(defect(exit), message)
        assert.strictEqual(requests(), 0)
      })
    )
  }

  const times = [new Date(0), 0, -1, "2024-02-29", "2024-02-29T23:59+01:00", DateTime.nowUnsafe()]
  for (const since of [...times, { epochMilliseconds: 5 }, { year: 2026 }]) {
    it.effect(`takes ${JSON.stringify(since)} for a time`, () =>
      Effect.gen(function* () {
        const { layer, requests } = counting()
        yield* Effect.provide(Stream.runDrain(Sessions.stream({ since })), layer)
        assert.isAbove(requests(), 0)
      })
    )
  }
})

describe("a client", () => {
  const good = { apiKey: Redacted.make("canary-1") }
  const wrong: ReadonlyArray<readonly [object, RegExp]> = [
    [{ ...good, retries: Number.NaN }, /^retries must be a whole number from 0, not NaN$/],
    [{ ...good, maxBodyBytes: -1 }, /^maxBodyBytes must be/],
    [{ ...good, maxRequestsPerSecond: -1 }, /^maxRequestsPerSecond must be a number from 0, not -1$/],
    [{ ...good, attemptTimeout: "soon" }, /^attemptTimeout must be a duration, not "soon"$/],
    [{ ...good, totalTimeout: Number.NaN }, /^totalTimeout must be a duration, not NaN$/],
    [{ ...good, maxRetryAfter: {} }, /^maxRetryAfter must be a duration, not an object$/],
    [{ ...good, baseUrl: "https://host" }, /^baseUrl must be an http or https URL$/],
    [{ ...good, baseUrl: new URL("ftp://host") }, /^baseUrl must be/],
    [{ apiKey: "canary-1" }, /^apiKey must be a Redacted text, or an effect that gives one$/]
  ]
  for (const [options, message] of wrong) {
    it.effect(`is not made with ${JSON.stringify(options)}`, () =>
      Effect.gen(function* () {
        const layer = SessionsClient.layer(options as never)
        const found = defect(yield* Effect.exit(Effect.provide(SessionsClient, layer)))
        assert.match(found, message)
        assert.notInclude(found, "canary")
      })
    )
  }

  it.effect("sends no query that no page can have", () =>
    Effect.gen(function* () {
      const layer = SessionsClient.layer({ ...good, baseUrl: new URL("http://127.0.0.1:1"), retries: 0 })
      const client = yield* Effect.provide(SessionsClient, layer)
      for (const query of [{ page: 0 }, { page: Number.NaN }, { limit: -1 }, { status: "" }]) {
        assert.match(defect(yield* Effect.exit(client.getPage(query))), /^(page|limit|status) must be/)
      }
    })
  )
})

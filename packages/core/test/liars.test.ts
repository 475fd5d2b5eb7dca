/**
 * Servers that lie for ever: every read of one ends, after a number of requests that the list explains.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Option } from "effect"
import { type Session, SessionId } from "../src/Session.ts"
import type { SessionPage } from "../src/SessionPage.ts"
import * as Sessions from "../src/Sessions.ts"
import { SessionsClient } from "../src/SessionsClient.ts"
import { InvalidRequest, SessionsError } from "../src/SessionsError.ts"

const row = (index: number): Session => ({ id: SessionId.make(`s${index}`), createdAt: 1_000_000 - index })

const rowsFrom = (from: number, count: number) => Array.from({ length: count }, (_, index) => row(from + index))

const list = rowsFrom(0, 47)

const idsOf = (sessions: ReadonlyArray<Session>) => sessions.map(({ id }): string => id)

/** Page `page` of a list of 47 sessions, 10 a page. */
const page47 = (page: number): SessionPage => ({
  sessions: list.slice((page - 1) * 10, page * 10),
  totalCount: 47,
  page,
  pageSize: 10
})

type Liar = (page: number, request: number) => SessionPage | undefined

/** Reads what a server says; `undefined` is HTTP 400. */
const read = Effect.fnUntraced(function* (liar: Liar, options: Sessions.ReadOptions) {
  let requests = 0
  const client = SessionsClient.of({
    getPage: ({ page = 1 }) =>
      Effect.suspend(() => {
        const answer = liar(page, ++requests)
        return answer === undefined
          ? Effect.fail(new SessionsError({ page, reason: new InvalidRequest({ status: 400, detail: "" }) }))
          : Effect.succeed(answer)
      }).pipe(Effect.tap(requests % 256 === 0 ? Effect.yieldNow : Effect.void)),
    getPageResponse: () => Effect.die("not used")
  })
  const exit = yield* Sessions.collect({ maxPages: 400, ...options }).pipe(
    Effect.provideService(SessionsClient, client),
    Effect.exit
  )
  const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.findErrorOption(exit.cause)) : undefined
  return { requests, exit, error, result: Exit.isSuccess(exit) ? exit.value : undefined }
})

const endless = 400 + 100

/** Each with the most requests that a read of it may take. */
const liars: Record<string, readonly [liar: Liar, most: number]> = {
  "every page is called 0": [(page) => ({ ...page47(page), page: 0 }), 30],
  "every page is called 7": [(page) => ({ ...page47(page), page: 7 }), 30],
  "pages are called by half a number": [(page) => ({ ...page47(page), page: page - 0.5 }), 30],
  "every page is called by the number before, but for the first": [
    (page) => ({ ...page47(page), page: Math.max(1, page - 1) }),
    60
  ],
  "the first page is called 0, the others as they should": [
    (page) => ({ ...page47(page), page: page === 1 ? 0 : page }),
    30
  ],
  "all pages but the first are HTTP 400": [(page) => (page === 1 ? { ...page47(1), totalCount: 1000 } : undefined), 70],
  "the total is 1e15": [(page) => ({ ...page47(page), totalCount: 1e15 }), 30],
  "the total is 2^53": [(page) => ({ ...page47(page), totalCount: 2 ** 53 }), 30],
  "the total is negative": [(page) => ({ ...page47(page), totalCount: -1 }), 30],
  "the total is not whole": [(page) => ({ ...page47(page), totalCount: 47.5 }), 30],
  "the total is the largest that is believed": [(page) => ({ ...page47(page), totalCount: 2 ** 31 - 1 }), 100],
  "the total jumps between 47 and 2e9": [
    (page, request) => ({ ...page47(page), totalCount: request % 2 === 0 ? 47 : 2e9 }),
    200
  ],
  "the total jumps to 2e9 after the first pass": [
    (page, request) => ({ ...page47(page), totalCount: request < 6 ? 47 : 2e9 }),
    200
  ],
  "the total falls from 2e9 to 47": [(page, request) => ({ ...page47(page), totalCount: request < 3 ? 2e9 : 47 }), 200],
  "the total is 1e15 and every page is the first": [(page) => ({ ...page47(1), page, totalCount: 1e15 }), 30],
  "two pages take turns without an end": [(page) => ({ ...page47(1 + (page % 2)), page, totalCount: 1e6 }), 150],
  "three pages take turns without an end, and there is no total": [
    (page) => ({ sessions: page47(1 + (page % 3)).sessions, page }),
    150
  ],
  "one page in changing orders, without an end": [
    (page, request) => ({
      sessions: Array.from({ length: 10 }, (_, index) => row((index + request) % 10)),
      page,
      pageSize: 10,
      totalCount: 1e6
    }),
    150
  ],
  "every row is the same": [(page) => ({ sessions: [row(1)], page, pageSize: 1, totalCount: 1000 }), 100],
  "the size of the pages changes with every answer": [
    (page, request) => ({ ...page47(page), pageSize: 5 + (request % 2) }),
    100
  ],
  "the size of the pages grows with every answer": [(page, request) => ({ ...page47(page), pageSize: request }), 100],
  "the size of the pages is 2^53": [(page) => ({ ...page47(page), pageSize: 2 ** 53 }), 60],
  "empty pages and a total of 200": [(page) => ({ sessions: [], page, pageSize: 10, totalCount: 200 }), 20],
  "the first page is empty, the others are not": [
    (page) => (page === 1 ? { ...page47(1), sessions: [] } : page47(page)),
    60
  ],
  "the total grows by a page with every answer, the rows do not": [
    (page, request) => ({ ...page47(page), totalCount: 47 + 10 * request }),
    200
  ],
  "the total shrinks with every answer": [
    (page, request) => ({ ...page47(page), totalCount: Math.max(0, 200 - request) }),
    300
  ],
  "the last page moves": [(page, request) => ({ ...page47(page), totalCount: 30 + ((request * 7) % 40) }), 200],
  "other rows with every answer": [
    (page, request) => ({ sessions: rowsFrom(request * 10, 10), page, pageSize: 10, totalCount: 100 }),
    endless
  ],
  "other rows with every answer, and there is no total": [
    (page, request) => ({ sessions: rowsFrom(request * 10, 10), page }),
    endless
  ],
  "a list that grows by a page with every answer": [
    (page, request) => ({ sessions: rowsFrom(page * 10, 10), page, pageSize: 10, totalCount: 100 + 10 * request }),
    endless
  ],
  "a list without an end": [
    (page) => ({ sessions: rowsFrom(page * 10, 10), page, pageSize: 10, totalCount: 1e15 }),
    endless
  ]
}

describe("a server that lies for ever", () => {
  for (const [name, [liar, most]] of Object.entries(liars)) {
    it.effect(name, () =>
      Effect.gen(function* () {
        for (const options of [
          {},
          { concurrency: 1 },
          { consistency: "fast" },
          { status: "active" },
          { since: 1_000_000 - 25 }
        ] satisfies ReadonlyArray<Sessions.ReadOptions>) {
          const { error, exit, requests, result } = yield* read(liar, options)
          const text = JSON.stringify(options)
          assert.isAtMost(requests, most, text)
          assert.isTrue(error !== undefined || result !== undefined, String(exit))
          if (result?.report.completeness.status === "proven") {
            const { certificate } = result.report.completeness
            const sessions = certificate === "position" ? list.slice(0, 26) : list
            assert.deepStrictEqual(idsOf(result.sessions), idsOf(sessions), text)
          }
        }
      })
    )
  }
})

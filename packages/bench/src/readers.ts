/**
 * Ways to read the whole list: ours, and what one would write or pick instead. Each answers with the number of sessions.
 */
import * as Sessions from "@hb-sessions/core/Sessions"
import * as SessionPageJson from "@hb-sessions/core/SessionPageJson"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as UndiciHttpClient from "@hb-sessions/core/UndiciHttpClient"
import { Hyperbrowser } from "@hyperbrowser/sdk"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { Agent, type Dispatcher, request } from "undici"

export interface ReaderOptions {
  readonly url: string
  readonly apiKey: string
  readonly pageSize: number
  readonly concurrency: number
}

interface RawPage {
  readonly sessions: ReadonlyArray<{ readonly id: string }>
  readonly totalCount: number
}

/** `Sessions.stream`, which proves that nothing was missed unless told to be `fast`. */
export const ours =
  (options: ReaderOptions & { readonly consistency?: "verified" | "fast"; readonly status?: string }) =>
  (): Promise<number> => {
    const { apiKey, concurrency, consistency = "verified", pageSize, status, url } = options
    const filter = status === undefined ? {} : { status }
    return Sessions.stream({ concurrency, pageSize, consistency, ...filter }).pipe(
      Stream.runFold(
        () => 0,
        (count) => count + 1
      ),
      Effect.provide(
        SessionsClient.layerNoDeps({ apiKey: Redacted.make(apiKey), baseUrl: new URL(url) }).pipe(
          Layer.provide(layerAgent(concurrency))
        )
      ),
      Effect.runPromise
    )
  }

/** The transport that the README of core names as the fastest one for Node. */
export const layerAgent = (connections: number) =>
  Layer.unwrap(
    Effect.acquireRelease(
      Effect.sync(() => new Agent({ connections })),
      (agent) => Effect.promise(() => agent.close())
    ).pipe(Effect.map(UndiciHttpClient.layer))
  )

/** The vendor's SDK in the loop that its documentation suggests. */
export const sdkLoop =
  ({ apiKey, pageSize, url }: ReaderOptions) =>
  async (): Promise<number> => {
    const client = new Hyperbrowser({ apiKey, baseUrl: url })
    let count = 0
    for (let page = 1; ; page++) {
      const { sessions, totalCount } = await client.sessions.list({ page, limit: pageSize })
      count += sessions.length
      if (sessions.length === 0 || count >= totalCount) return count
    }
  }

/** An auto-paging iterator in the manner of generated SDKs, over `fetch`. */
export const forAwaitPager = (options: ReaderOptions) => async (): Promise<number> => {
  async function* sessions() {
    for (let page = 1; ; page++) {
      const response = await fetch(`${options.url}/api/sessions?page=${page}&limit=${options.pageSize}`, {
        headers: { "x-api-key": options.apiKey }
      })
      const body = (await response.json()) as RawPage
      if (body.sessions.length === 0) return
      yield* body.sessions
    }
  }
  let count = 0
  for await (const session of sessions()) count += session.id === "" ? 0 : 1
  return count
}

/** What a careful engineer writes in ten minutes: undici, many pages in flight, no retries, no checks, no proof. */
export const handWritten = (options: ReaderOptions) => byHand(options, async (body) => (await body.json()) as RawPage)

/** The same with every value checked as core does it, but without retries and proof: less cannot be done for a typed page. */
export const checkedByHand = (options: ReaderOptions) =>
  byHand(options, async (body) => Result.getOrThrow(SessionPageJson.decode(await body.text())))

type Body = Dispatcher.ResponseData["body"]

interface Page {
  readonly sessions: ReadonlyArray<{ readonly id: string }>
  readonly totalCount?: number
}

const byHand =
  ({ apiKey, concurrency, pageSize, url }: ReaderOptions, read: (body: Body) => Promise<Page>) =>
  async (): Promise<number> => {
    const dispatcher = new Agent({ connections: concurrency })
    const page = async (number: number): Promise<Page> => {
      const { body } = await request(`${url}/api/sessions?page=${number}&limit=${pageSize}`, {
        dispatcher,
        headers: { "x-api-key": apiKey }
      })
      return read(body)
    }
    const first = await page(1)
    const last = Math.ceil((first.totalCount ?? Number.NaN) / pageSize)
    const ids = new Set(first.sessions.map(({ id }) => id))
    let next = 2
    const worker = async () => {
      while (next <= last) {
        for (const { id } of (await page(next++)).sessions) ids.add(id)
      }
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
    await dispatcher.close()
    return ids.size
  }

/**
 * Readers that tell which sessions they met.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import { Hyperbrowser } from "@hyperbrowser/sdk"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

interface List {
  readonly url: string
  readonly apiKey: string
  readonly status?: string
}

interface Met {
  readonly ids: ReadonlySet<string>
  readonly isProven: boolean
}

export type IdReader = (list: List) => Promise<Met>

export const oursIds =
  (consistency: "verified" | "fast"): IdReader =>
  async ({ apiKey, status, url }) => {
    const { report, sessions } = await Sessions.collect({
      consistency,
      ...(status === undefined ? {} : { status })
    }).pipe(
      Effect.provide(
        SessionsClient.layerNoDeps({ apiKey: Redacted.make(apiKey), baseUrl: new URL(url) }).pipe(
          Layer.provide(NodeHttpClient.layerUndici)
        )
      ),
      Effect.runPromise
    )
    return { ids: new Set(sessions.map(({ id }) => id)), isProven: report.completeness.status === "proven" }
  }

export const sdkIds: IdReader = async ({ apiKey, status, url }) => {
  const client = new Hyperbrowser({ apiKey, baseUrl: url })
  const ids = new Set<string>()
  let count = 0
  for (let page = 1; ; page++) {
    const query = status === undefined ? { page } : { page, status: status as "active" }
    const { sessions, totalCount } = await client.sessions.list(query)
    for (const { id } of sessions) ids.add(id)
    count += sessions.length
    if (sessions.length === 0 || count >= totalCount) return { ids, isProven: false }
  }
}

export const forAwaitIds: IdReader = async ({ apiKey, status, url }) => {
  async function* sessions() {
    for (let page = 1; ; page++) {
      const filter = status === undefined ? "" : `&status=${status}`
      const response = await fetch(`${url}/api/sessions?page=${page}${filter}`, { headers: { "x-api-key": apiKey } })
      const body = (await response.json()) as { readonly sessions: ReadonlyArray<{ readonly id: string }> }
      if (body.sessions.length === 0) return
      yield* body.sessions
    }
  }
  const ids = new Set<string>()
  for await (const { id } of sessions()) ids.add(id)
  return { ids, isProven: false }
}

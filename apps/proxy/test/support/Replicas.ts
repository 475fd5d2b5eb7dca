/**
 * Proxies that share a Redis, and an upstream that notes when it is asked.
 */
import { hasRedis, type RedisOptions, startRedis } from "@hb-sessions/redis/Redis"
import { Effect } from "effect"
import { createToken, directory, get } from "./Proxy.ts"
import * as InProcess from "./InProcess.ts"
import { upstream } from "./Upstream.ts"
import { join } from "node:path"
import type { ServerResponse } from "node:http"

if (!hasRedis) console.warn("skipped: the tests that need Redis, which is not installed here")

/** A Redis until the scope closes. */
export const redis = (options: RedisOptions = {}) =>
  Effect.acquireRelease(
    Effect.promise(() => startRedis(options)),
    (server) => Effect.promise(server.stop)
  )

/** One that notes when it was asked for what, and answers with a page after a while. */
export const notingUpstream = Effect.fnUntraced(function* (
  answer: (response: ServerResponse, url: string) => void = pageOf
) {
  const asked: Array<{ readonly at: number; readonly url: string }> = []
  const { apiKey, url } = yield* upstream((request, response) => {
    asked.push({ at: performance.now(), url: request.url ?? "" })
    answer(response, request.url ?? "")
  })
  return { url, apiKey, asked }
})

/** Answers with a page that tells what was asked for. */
export const pageOf = (response: ServerResponse, url: string): void => {
  response.setHeader("content-type", "application/json")
  const session = { id: "s1", status: "closed", teamId: url }
  response.end(JSON.stringify({ sessions: [session], totalCount: 1, page: 1, perPage: 10 }))
}

/** The environment of a proxy in front of an upstream. */
export const envOf = ({ apiKey, url }: { readonly apiKey: string; readonly url: string }) => ({
  HYPERBROWSER_API_KEY: apiKey,
  HYPERBROWSER_BASE_URL: url
})

/** A token and the file that knows it. */
export const tokens = Effect.gen(function* () {
  const tokensFile = join(yield* directory, "tokens.json")
  return { tokensFile, auth: { "x-api-key": yield* createToken(tokensFile, "test") } }
})

/** Replicas within this process. */
export const replicas = (
  count: number,
  given: InProcess.Given,
  env: Readonly<Record<string, string>>
): Effect.Effect<
  ReadonlyArray<Effect.Success<ReturnType<typeof InProcess.start>>>,
  unknown,
  import("effect").Scope.Scope
> => Effect.forEach(Array.from({ length: count }), () => InProcess.start(given, env), { concurrency: count })

/** A metric of this process. */
export const metric = (proxy: { readonly adminUrl: string }, name: string) =>
  Effect.map(get(`${proxy.adminUrl}/metrics`), ({ text }) =>
    Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(text)?.[1])
  )

/**
 * An account of the upstream: its key, and everything that must not be shared with another account.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import type { KeySource } from "@hb-sessions/app-kit/KeySource"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import { SessionsError, UpstreamUnavailable } from "@hb-sessions/core/SessionsError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { createHmac, hash } from "node:crypto"
import * as KeyRedaction from "./KeyRedaction.ts"
import * as Upstream from "./Upstream.ts"
import * as UpstreamHttp from "./UpstreamHttp.ts"

/** What an account is asked with, and what is known of it. */
export interface UpstreamAccount {
  /** Undefined for that of a single key. */
  readonly name: string | undefined
  /**
   * Precedes the key of everything that is kept or shared: empty for a single key, and another one when the server or
   * the source of the key changes.
   */
  readonly cacheScope: string
  /** What the operator knows its key by. */
  readonly keyName: string
  /** Its keys, to be hidden. */
  readonly secrets: KeyRedaction.Secrets
  /** What stands for a text of this account, and of this key and server: others can neither guess nor have the same. */
  readonly digest: (text: string) => Effect.Effect<string, AppError>
  readonly client: SessionsClient["Service"]
  readonly health: Upstream.UpstreamHealth["Service"]
  /** Whether its requests succeed, as far as is known. */
  readonly status: () => AccountStatus
}

/** Whether requests succeed; the reason is the name of a failure. */
export interface AccountStatus {
  readonly status: "unknown" | "usable" | "failing"
  readonly reason?: string
}

/** How an account is set up. */
export interface Definition {
  readonly name: string | undefined
  readonly key: Pick<KeySource, "name" | "known">
  /** The key as it is now; fails while it could never be read. */
  readonly read: Effect.Effect<Redacted.Redacted, AppError>
  readonly baseUrl: URL
}

/** What is the same for all accounts. */
export interface AccountOptions extends Omit<Upstream.UpstreamOptions, "apiKey" | "baseUrl" | "account"> {
  readonly userAgent: string
  readonly maxBodyBytes: number
}

/** Tells definitions apart whose answers must not be mixed. */
export const scopeOf = ({ baseUrl, key, name }: Definition): string =>
  name === undefined
    ? ""
    : `${name}@${hash("sha256", JSON.stringify([baseUrl.href, key.name]), "base64url").slice(0, 11)}/`

/** Makes an account with a client, a queue, a circuit and a retry budget of its own, until the scope closes. */
export const make = Effect.fnUntraced(function* (
  definition: Definition,
  { userAgent, ...options }: AccountOptions,
  scope: Scope.Scope
): Effect.fn.Return<UpstreamAccount, never, HttpClient.HttpClient> {
  const { baseUrl, key, name, read } = definition
  const http = yield* HttpClient.HttpClient
  const secrets = KeyRedaction.make(key.known)
  const context = yield* Layer.buildWithScope(
    Upstream.layer({ ...options, account: name, apiKey: Effect.orDie(read), baseUrl }).pipe(
      Layer.provide(UpstreamHttp.layer(secrets, userAgent, options.maxBodyBytes)),
      Layer.provide(Layer.succeed(HttpClient.HttpClient, http))
    ),
    scope
  )
  const guarded = Context.get(context, SessionsClient)
  const health = Context.get(context, Upstream.UpstreamHealth)
  let hasKey = true
  // Once it was read, there always is one.
  const withKey = <A>(page: number, call: Effect.Effect<A, SessionsError>) =>
    Effect.matchEffect(read, {
      onFailure: () => {
        hasKey = false
        return Effect.fail(new SessionsError({ page, reason: noKey }))
      },
      onSuccess: () => {
        hasKey = true
        return call
      }
    })
  return {
    name,
    cacheScope: scopeOf(definition),
    keyName: key.name,
    secrets,
    digest: (text) =>
      Effect.map(read, (secret) =>
        createHmac("sha256", Redacted.value(secret))
          .update(JSON.stringify([baseUrl.href, name, text]))
          .digest("base64url")
      ),
    health,
    client: {
      getPage: (query) => withKey(query.page ?? 1, guarded.getPage(query)),
      getPageResponse: (query) => withKey(query.page ?? 1, guarded.getPageResponse(query))
    },
    status: () => (hasKey ? statusOf(health.last()) : { status: "failing", reason: "NoKey" })
  }
})

const noKey = new UpstreamUnavailable({
  kind: "network",
  // No request was made.
  attempts: 0,
  detail: "the API key of this token's account cannot be read; tell the proxy's operator"
})

/** A server that rejects a request can be used; one that rejects the key cannot. */
export const statusOf = (last: { readonly error: SessionsError | undefined } | undefined): AccountStatus => {
  if (last === undefined) return { status: "unknown" }
  const tag = last.error?.reason._tag
  if (tag === undefined) return { status: "usable" }
  return { status: tag === "RateLimited" || tag === "InvalidRequest" ? "usable" : "failing", reason: tag }
}

/**
 * Finds the client of a request, and tells why there is none.
 */
import type { Exchange } from "../http/Exchange.ts"
import { reject, type Rejection } from "../http/Problem.ts"
import * as Metrics from "../operations/Metrics.ts"
import type { SharedFailures } from "../redis/SharedFailures.ts"
import { accountOf, type FindAccount } from "./accountOf.ts"
import { FailureThrottle } from "./FailureThrottle.ts"
import { anonymous, type Client } from "./Token.ts"
import type { TokenStore } from "./TokenStore.ts"

/** What clients are found with. */
export interface AuthenticationOptions {
  readonly tokens: Pick<TokenStore["Service"], "authenticate" | "standingOf" | "isOpen" | "isUsable">
  readonly accounts: FindAccount
  /** Epoch milliseconds: for tokens, which end at a time of day. */
  readonly timeOfDay: () => number
  /** Steady milliseconds: for everything else. */
  readonly now: () => number
  /** Counts wrong tokens with those that other replicas see. */
  readonly sharedFailures?: SharedFailures | undefined
}

/** Authenticates requests. */
export class Authentication {
  private readonly throttle: FailureThrottle
  private readonly options: AuthenticationOptions

  constructor(options: AuthenticationOptions) {
    this.options = options
    this.throttle = new FailureThrottle(options.sharedFailures)
  }

  /** The client, or why there is none. */
  clientOf({ address }: Exchange, credential: string | undefined): Client | Rejection {
    const { now, timeOfDay, tokens } = this.options
    if (tokens.isOpen) return anonymous
    if (!tokens.isUsable()) return tokensUnavailable
    const client = credential === undefined ? undefined : tokens.authenticate(credential, timeOfDay())
    if (client !== undefined) return client
    Metrics.count(Metrics.authFailures)
    const wait = this.throttle.note(address, now())
    return wait > 0
      ? reject("too-many-failures", "too many rejected tokens from this address; wait, then use a valid token", {
          headers: { "retry-after": String(wait) },
          isDelayed: true
        })
      : unauthorized
  }

  /** Why a request under way must end; undefined if its client may do as much as when it was found. */
  lost(client: Client): Rejection | undefined {
    const { accounts, timeOfDay, tokens } = this.options
    if (!tokens.isUsable()) return tokensUnavailable
    const account = accountOf(accounts, client)
    return changed[tokens.standingOf(client, timeOfDay())] ?? ("problem" in account ? account : undefined)
  }
}

const unauthorized = reject(
  "unauthorized",
  "send a valid token of this proxy as x-api-key or as Authorization: Bearer",
  { headers: { "www-authenticate": 'Bearer realm="hb-sessions-proxy"' } }
)

const changed = {
  same: undefined,
  less: reject("status-not-allowed", "this token now allows fewer statuses than when the request began; ask again"),
  ended: unauthorized
}

const tokensUnavailable = reject(
  "tokens-unavailable",
  "the proxy has not been able to read its tokens for too long, so no token is valid now; tell the proxy's operator",
  { headers: { "retry-after": "5" } }
)

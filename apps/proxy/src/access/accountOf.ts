/**
 * The account that a client belongs to: no request goes to the upstream for any other.
 */
import { reject, type Rejection } from "../http/Problem.ts"
import type { UpstreamAccount } from "../upstream/UpstreamAccount.ts"
import type { Client } from "./Token.ts"

/** What accounts are found with. */
export interface FindAccount {
  /** Undefined for one that is not served. */
  readonly find: (name: string | undefined) => UpstreamAccount | undefined
}

/** The account of a client, or why it is not served. */
export const accountOf = (accounts: FindAccount, { account }: Client): UpstreamAccount | Rejection =>
  accounts.find(account) ?? notServed(account)

const notServed = (account: string | undefined): Rejection =>
  reject(
    "account-not-served",
    account === undefined
      ? "this token belongs to no account, but this proxy serves accounts; tell the proxy's operator"
      : `this token belongs to the account ${account}, which this proxy does not serve; tell the proxy's operator`
  )

/**
 * The accounts that are served: that of a single key, or those of a file, which is read again when it changes.
 */
import * as Accounts from "@hb-sessions/app-kit/Accounts"
import { ApiKey } from "@hb-sessions/app-kit/ApiKey"
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import { clearTextWarning } from "@hb-sessions/app-kit/clearText"
import * as FileState from "@hb-sessions/app-kit/FileState"
import * as Transport from "@hb-sessions/app-kit/Transport"
import { baseUrl } from "@hb-sessions/core/SessionsConfig"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as Metrics from "../operations/Metrics.ts"
import { KnownKeys } from "./KnownKeys.ts"
import { type AccountOptions, type Definition, make, scopeOf, type UpstreamAccount } from "./UpstreamAccount.ts"

/** How often the file is looked at. */
const POLL = "500 millis"
/** Milliseconds after which a file that could not be read and looks the same is tried again. */
const RETRY = 5000
/** Key files that are read at the same time at the start. */
const READERS = 32

/** Knows the accounts. */
export class UpstreamAccounts extends Context.Service<
  UpstreamAccounts,
  {
    /** The account that is called so, undefined for that of a single key; undefined for one that is not served. */
    readonly find: (name: string | undefined) => UpstreamAccount | undefined
    /** All that are served, in the order of the file. */
    readonly all: () => ReadonlyArray<UpstreamAccount>
  }
>()("@hb-sessions/proxy/UpstreamAccounts") {
  /** The account of the key in the environment. */
  static readonly layerSingle = (options: AccountOptions) =>
    Layer.effect(
      UpstreamAccounts,
      Effect.gen(function* () {
        const { current, known, name } = yield* ApiKey
        const definition = { name: undefined, key: { name, known }, read: current, baseUrl: yield* baseUrl }
        const keys = yield* KnownKeys
        keys.add(definition.key)
        yield* warnOfClearText(definition)
        const only = yield* make(definition, options, yield* Effect.scope)
        return UpstreamAccounts.of({ find: (wanted) => (wanted === undefined ? only : undefined), all: () => [only] })
      })
    ).pipe(Layer.provide(Transport.readingLayer))

  /**
   * The accounts of a file.
   *
   * **Details**
   *
   * A change is noticed within half a second. An account that it leaves as it was keeps its queue, its circuit and what is
   * cached; requests under way of one that was changed go on with what they began with, for `lasting` at most. A file
   * that cannot be used leaves the accounts read before in force. The start fails if no account has a key that can be read.
   */
  static readonly layerFile = (file: string, options: AccountOptions, lasting: Duration.Duration) =>
    Layer.effect(
      UpstreamAccounts,
      Effect.gen(function* () {
        const scope = yield* Effect.scope
        const keys = yield* KnownKeys
        let served = new Map<string, Served>()

        const add = Effect.fnUntraced(function* (definition: Definition) {
          keys.add(definition.key)
          yield* warnOfClearText(definition)
          const own = yield* Scope.fork(scope)
          return { account: yield* make(definition, options, own), definition, scope: own }
        })

        const remove = ({ account, definition, scope: own }: Served) => {
          keys.retire(definition.key)
          Metrics.forgetAccount(account.name)
          return Effect.forkIn(Effect.delay(Scope.close(own, Exit.void), lasting), scope)
        }

        /** Takes the accounts of the file in place of those that are served. */
        const take = Effect.fnUntraced(function* (definitions: ReadonlyArray<Definition & { readonly name: string }>) {
          const next = new Map<string, Served>()
          const added: Array<Definition> = []
          for (const definition of definitions) {
            const before = served.get(definition.name)
            const isSame = before !== undefined && before.account.cacheScope === scopeOf(definition)
            if (!isSame) added.push(definition)
            next.set(definition.name, isSame ? before : yield* add(definition))
          }
          const gone = [...served.values()].filter((before) => next.get(before.definition.name ?? "") !== before)
          served = next
          yield* Effect.forEach(gone, remove, { discard: true })
          return added
        })

        const initial = yield* FileState.look(file)
        let seen = initial.state
        const first = yield* take(yield* definitionsOf(file))
        const unreadable = yield* missingKeys(first)
        const [problem] = unreadable
        if (problem !== undefined && unreadable.length === first.length) return yield* problem.error
        yield* warnOfKeys(unreadable)

        let failing: { readonly seen: string; readonly retryAt: number } | undefined
        const look = Effect.gen(function* () {
          const at = yield* SteadyTime.now
          const { isNamed, state } = yield* FileState.look(file)
          if (state === seen) return
          if (failing?.seen === state && at < failing.retryAt) return
          const exit = yield* Effect.exit(
            initial.isNamed && !isNamed ? Effect.fail(replaced(file)) : definitionsOf(file)
          )
          if (Exit.isSuccess(exit)) {
            failing = undefined
            seen = state
            const added = yield* take(exit.value)
            yield* Effect.logInfo(`accounts reloaded: ${exit.value.map(({ name }) => name).join(", ")}`)
            return yield* warnOfKeys(yield* missingKeys(added))
          }
          Metrics.count(Metrics.accountsReloadFailures)
          const isNew = failing?.seen !== state
          failing = { seen: state, retryAt: at + RETRY }
          if (isNew) yield* Effect.logError(`${problemOf(exit.cause)}; the accounts read before stay in force`)
        })
        Metrics.count(Metrics.accountsReloadFailures, 0)
        yield* look.pipe(
          Effect.catchCause((cause) => Effect.logError("accounts could not be looked at again", Cause.pretty(cause))),
          Effect.repeat(Schedule.spaced(POLL)),
          Effect.forkScoped
        )
        return UpstreamAccounts.of({
          find: (name) => (name === undefined ? undefined : served.get(name)?.account),
          all: () => [...served.values()].map(({ account }) => account)
        })
      })
    ).pipe(Layer.provide(Transport.readingLayer))
}

interface Served {
  readonly account: UpstreamAccount
  readonly definition: Definition
  readonly scope: Scope.Closeable
}

/** The accounts of a file. Settings of other programs are passed over. */
const definitionsOf = Effect.fnUntraced(function* (file: string) {
  const accounts = yield* Accounts.read({ file, settings: {}, areOthersAllowed: true })
  const fallback = yield* baseUrl
  return accounts.map((account) => ({
    name: account.name,
    key: account.key,
    read: account.apiKey,
    baseUrl: account.baseUrl ?? fallback
  }))
})

/** The accounts whose key cannot be read. */
const missingKeys = (definitions: ReadonlyArray<Definition>) =>
  Effect.map(
    Effect.forEach(
      definitions,
      ({ name, read }) => Effect.match(read, { onFailure: (error) => [{ name, error }], onSuccess: () => [] as const }),
      { concurrency: READERS }
    ),
    (found) => found.flat()
  )

const warnOfKeys = (unreadable: Effect.Success<ReturnType<typeof missingKeys>>) =>
  Effect.forEach(
    unreadable,
    ({ error, name }) =>
      Effect.logWarning(`${error.message}; until it can be read, requests for the account get 503`).pipe(
        Effect.annotateLogs("account", name)
      ),
    { discard: true }
  )

const warnOfClearText = ({ baseUrl: url, name }: Definition) => {
  const warning = clearTextWarning(url)
  if (warning === undefined) return Effect.void
  return name === undefined
    ? Effect.logWarning(warning)
    : Effect.annotateLogs(Effect.logWarning(warning), "account", name)
}

const replaced = (file: string) =>
  new AppError({ message: `${file}: ${FileState.REPLACED}`, exitCode: exitCodes.usage })

const problemOf = <E extends { readonly message: string }>(cause: Cause.Cause<E>): string =>
  Option.match(Cause.findErrorOption(cause), {
    onNone: () => Cause.pretty(cause),
    onSome: ({ message }) => message
  })

/**
 * The accounts of a worker, which follow their file: what the file says last, or said last when it was valid.
 */
import * as RegularFile from "@hb-sessions/app-kit/RegularFile"
import { toAppError } from "@hb-sessions/app-kit/AppError"
import type { Given } from "@hb-sessions/app-kit/Setting"
import { configOf } from "@hb-sessions/core/SessionsConfig"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type SelectedAccount, selected } from "../settings/accounts.ts"
import { layerFlags, usage } from "../settings/configs.ts"
import { accountSettings } from "../settings/runSettings.ts"
import * as Schedules from "./Schedules.ts"

/** How often the file is looked at. */
const INTERVAL = Duration.seconds(2)

/** A file that changes within this time is still being written. */
const UNCHANGED_FOR = Duration.millis(200)

/** A file with a mistake is read again each so many looks: what is wrong may be in another file. */
const AGAIN = 15

const MAX_BYTES = 4 * 1024 * 1024

/** An account with its schedule. */
export interface Listed {
  readonly one: SelectedAccount
  readonly schedule: Schedules.AccountSchedule
}

export type Accounts = ReadonlyMap<string, Listed>

const fileOf = (given: Given) =>
  Effect.gen(function* () {
    if ((yield* configOf(accountSettings.only)) !== undefined) {
      return yield* usage("--only does not apply to a worker, which runs every account of its file; leave it out")
    }
    const file = yield* configOf(accountSettings.accounts)
    return file ?? (yield* usage("--accounts is missing; give the TOML file of accounts"))
  }).pipe(Effect.provide(layerFlags(given)))

const readAll = Effect.fnUntraced(function* (given: Given) {
  const found = yield* selected(given)
  const accounts = Option.match(found, { onNone: () => [], onSome: (all) => all.accounts })
  const listed = yield* Effect.forEach(accounts, (one) =>
    Effect.map(Schedules.read(one), (schedule) => [one.account.name, { one, schedule }] as const)
  )
  return new Map<string, Listed>(listed)
})

/** The accounts now, and what waits for the next valid change of the file. */
export const open = Effect.fn("AccountsFile.open")(function* (given: Given) {
  const file = yield* fileOf(given)
  const text = Effect.mapError(RegularFile.readText(file, { maxBytes: MAX_BYTES }), ({ problem }) =>
    usage(`${file} cannot be read: ${problem}; give a TOML file of accounts`)
  )
  let seen = yield* text
  const first: Accounts = yield* readAll(given)
  let told: string | undefined
  /** The text with a mistake, and how often it was seen since it was read. */
  let wrong: { readonly text: string; readonly looks: number } | undefined

  const next = Effect.gen(function* () {
    for (;;) {
      yield* Effect.sleep(INTERVAL)
      const now = yield* Effect.result(text)
      if (now._tag === "Success") {
        if (now.success === seen) {
          told = undefined
          wrong = undefined
          continue
        }
        if (now.success === wrong?.text && wrong.looks < AGAIN) {
          wrong = { ...wrong, looks: wrong.looks + 1 }
          continue
        }
        yield* Effect.sleep(UNCHANGED_FOR)
        const later = yield* Effect.result(text)
        if (later._tag === "Failure" || later.success !== now.success) continue
        wrong = { text: now.success, looks: 0 }
        const all = yield* Effect.result(readAll(given))
        if (all._tag === "Success") {
          seen = now.success
          told = undefined
          const accounts: Accounts = all.success
          return accounts
        }
        yield* warn(toAppError(all.failure).message)
      } else {
        yield* warn(now.failure.message)
      }
    }
  })
  const warn = Effect.fnUntraced(function* (problem: string) {
    if (told === problem) return
    told = problem
    yield* Effect.logWarning(`${problem}; the previous accounts stay in use`)
  })
  return { first, next }
})

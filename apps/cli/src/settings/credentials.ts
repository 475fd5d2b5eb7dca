/**
 * The stored keys: `credentials.toml`, one table a profile, with mode 0600.
 */
import * as SettingsFile from "@hb-sessions/app-kit/SettingsFile"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import { files } from "./Profile.ts"
import { writePrivate } from "./writePrivate.ts"

const readAll = Effect.fnUntraced(function* (file: string) {
  const root = yield* SettingsFile.parse(file, false)
  const keys = new Map<string, Redacted.Redacted>()
  for (const [name, table] of Object.entries(root)) {
    if (Predicate.hasProperty(table, "api_key") && typeof table["api_key"] === "string") {
      keys.set(name, Redacted.make(table["api_key"]))
    }
  }
  return keys
})

const write = Effect.fnUntraced(function* (keys: ReadonlyMap<string, Redacted.Redacted>) {
  const { credentials, directory } = yield* files
  const tables = [...keys].map(([name, key]) => `[${name}]\napi_key = ${JSON.stringify(Redacted.value(key))}\n`)
  yield* writePrivate(directory, credentials, tables.join("\n"), { isSecret: true })
})

/** Stores the key of a profile in place of an earlier one. Succeeds with the path of the file. */
export const store = Effect.fnUntraced(function* (profile: string, key: Redacted.Redacted) {
  const { credentials } = yield* files
  const keys = yield* readAll(credentials)
  yield* write(keys.set(profile, key))
  return credentials
})

/** Forgets the key of a profile. Succeeds with whether there was one. */
export const forget = Effect.fnUntraced(function* (profile: string) {
  const { credentials } = yield* files
  const keys = yield* readAll(credentials)
  if (!keys.delete(profile)) return false
  yield* write(keys)
  return true
})

/**
 * The keys of a record that grant access to a running browser or hold a password, in any answer.
 *
 * The API may send `token`, `wsEndpoint`, `webdriverEndpoint`, `computerActionEndpoint`, `liveUrl` and
 * `launchState.proxyServerPassword`; what it will send tomorrow is recognised by its name.
 */
import { keepSentValues, sentValues } from "./internal/asSent.ts"

/** Parts of a name, without case, `_` and `-`. */
const SECRET = /token|password|passwd|passphrase|secret|credential|apikey|privatekey|authorization|endpoint$|^liveurl$/

/** Names of the contract that only look like one. */
const harmless: ReadonlySet<string> = new Set(["disablePasswordManager"])

// Records have few distinct keys, but a server may also use ids as keys.
const KNOWN_AT_MOST = 1000
const known = new Map<string, boolean>()

/**
 * Whether a key of this name is taken for a secret, at any depth of a record.
 *
 * **Details**
 *
 * These are: names with `token`, `password`, `passwd`, `passphrase`, `secret`, `credential`, `apiKey`, `privateKey` or
 * `authorization` in them; names that end in `endpoint`; and `liveUrl`. Case, `_` and `-` do not count. Credits
 * (`creditsUsed`) are none, nor is the contract's `disablePasswordManager`.
 */
export const isSecretKey = (name: string): boolean => {
  const found = known.get(name)
  if (found !== undefined) return found
  const isSecret = !harmless.has(name) && SECRET.test(name.replaceAll(/[_-]/g, "").toLowerCase())
  if (known.size >= KNOWN_AT_MOST) known.clear()
  known.set(name, isSecret)
  return isSecret
}

/**
 * The record without its secret keys, at every depth, those in arrays included.
 *
 * **Details**
 *
 * What holds no secret is returned as it is, not copied: a record without one costs a look at its keys.
 */
export const withoutSecrets = <A>(record: A): A =>
  typeof record === "object" && record !== null ? stripRecord(record) : record

/** What is kept beside a record for printing it as it was sent holds no secret either. */
function stripRecord<A extends object>(record: A): A {
  const sent = sentValues(record)
  if (sent.length === 0) return strip(record)
  const stripped = strip(record)
  const copy = stripped === record ? { ...record } : stripped
  const kept = sent.filter(({ path }) => !path.some(isSecretKey))
  keepSentValues(
    copy,
    kept.map((value) => ({ ...value, value: withoutSecrets(value.value) }))
  )
  return copy
}

function strip<A extends object>(value: A): A
function strip(value: Readonly<Record<string, unknown>>): object {
  const isList = Array.isArray(value)
  let copy: object | undefined
  for (const key of Object.keys(value)) {
    if (!isList && isSecretKey(key)) {
      copy ??= { ...value }
      Reflect.deleteProperty(copy, key)
      continue
    }
    const item = value[key]
    if (typeof item !== "object" || item === null) continue
    const kept = strip(item)
    if (kept === item) continue
    copy ??= isList ? [...value] : { ...value }
    // Unlike an assignment, this makes a key of `__proto__`.
    Object.defineProperty(copy, key, { value: kept, configurable: true, enumerable: true, writable: true })
  }
  return copy ?? value
}

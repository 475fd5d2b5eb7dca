/**
 * What a row held as sent where its typed form holds nothing, or a rounded number.
 *
 * Kept beside the row and not in it, so that the row is what its type says. A copy of the row has none of it.
 */
import { ExactNumber } from "./ExactNumber.ts"

/** One value as it was sent. */
export interface SentValue {
  /** The keys down to it. */
  readonly path: ReadonlyArray<string>
  /** An `ExactNumber` where a number would be rounded, at any depth. */
  readonly value: unknown
  /** `empty`: it means that there is no value. `ignored`: it means nothing. `exact`: the typed form has it rounded. */
  readonly kind: "empty" | "ignored" | "exact"
}

const byRow = new WeakMap<object, ReadonlyArray<SentValue>>()

const none: ReadonlyArray<SentValue> = []

/** The values that are kept for a row. */
export const sentValues = (row: object): ReadonlyArray<SentValue> => byRow.get(row) ?? none

/** Keeps values for a row. */
export const keepSentValues = (row: object, values: ReadonlyArray<SentValue>): void => {
  if (values.length > 0) byRow.set(row, values)
}

/** The value with what was sent in its place; `value` itself stays as it is. */
export const withSentValues = (value: unknown, values: ReadonlyArray<SentValue>): unknown => withBelow(value, values, 0)

/** Copies a value once, however many were sent in it. */
const withBelow = (found: unknown, values: ReadonlyArray<SentValue>, depth: number): unknown => {
  const own = values.find(({ path }) => path.length === depth)
  if (own !== undefined) return inPlace(found, own)
  if (values.length === 0 || typeof found !== "object" || found === null || Array.isArray(found)) return found
  const byKey = new Map<string, Array<SentValue>>()
  for (const sent of values) {
    const key = sent.path[depth]!
    const known = byKey.get(key)
    if (known === undefined) byKey.set(key, [sent])
    else known.push(sent)
  }
  // As a list of entries, since a key may be `__proto__`.
  const entries = new Map<string, unknown>(Object.entries(found))
  for (const [key, below] of byKey) {
    const value = withBelow(Reflect.get(found, key), below, depth + 1)
    if (value !== undefined) entries.set(key, value)
  }
  return Object.fromEntries(entries)
}

/** A row that the caller changed meanwhile keeps the change. */
const inPlace = (found: unknown, { kind, value }: SentValue): unknown => {
  if (kind === "exact") return withExact(found, value)
  return found === undefined ? value : found
}

const withExact = (found: unknown, exact: unknown): unknown => {
  if (exact instanceof ExactNumber) return found === exact.value ? exact : found
  if (typeof exact !== "object" || exact === null || typeof found !== "object" || found === null) return found
  if (Array.isArray(found)) return found.map((item, index) => withExact(item, Reflect.get(exact, index)))
  return Object.fromEntries(
    Object.entries(found).map(([key, item]) => [
      key,
      withExact(item, Object.hasOwn(exact, key) ? Reflect.get(exact, key) : undefined)
    ])
  )
}

/** A value without `ExactNumber`s; it is noted as a whole if it has any, as a path to each would be longer than the page. */
export const rounded = (value: unknown, path: ReadonlyArray<string>, note: (sent: SentValue) => void): unknown => {
  let isExact = false
  const round = (item: unknown): unknown => {
    if (item instanceof ExactNumber) {
      isExact = true
      return item.value
    }
    if (Array.isArray(item)) return item.map(round)
    if (typeof item !== "object" || item === null) return item
    return Object.fromEntries(Object.entries(item).map(([key, below]) => [key, round(below)]))
  }
  const found = round(value)
  if (isExact) note({ path, value, kind: "exact" })
  return found
}

/** JSON text in which an `ExactNumber` is written as it was sent. */
export const toJson = (value: unknown): string => {
  if (value instanceof ExactNumber) return value.text
  if (Array.isArray(value)) return `[${value.map(toJson).join(",")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null"
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${toJson(item)}`).join(",")}}`
}

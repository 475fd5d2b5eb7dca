/**
 * The value of a session at a path.
 */
import { withoutSecrets } from "../secretKeys.ts"
import type { Session } from "../Session.ts"
import { type SentValue, sentValues, withSentValues } from "./asSent.ts"
import { ExactNumber } from "./ExactNumber.ts"

/**
 * Makes a function that reads the value at a path; undefined for null.
 *
 * Outside the contract a value is what was sent. A field of the contract is what it means, but with all its digits.
 */
export const valueReader = (path: ReadonlyArray<string>, isContract: boolean): ((session: Session) => unknown) => {
  const matters = (sent: SentValue) =>
    (!isContract || sent.kind === "exact") &&
    sent.path.every((key, depth) => depth >= path.length || key === path[depth])
  return (session) => {
    const sent = sentValues(session)
    if (sent.length === 0) return valueAt(session, path)
    const related = sent.filter(matters)
    return valueAt(related.length === 0 ? session : withSentValues(session, related), path)
  }
}

const valueAt = (whole: unknown, path: ReadonlyArray<string>): unknown => {
  let value = whole
  for (const key of path) {
    if (typeof value !== "object" || value === null || value instanceof ExactNumber) return undefined
    if (Array.isArray(value) ? !/^\d+$/.test(key) : !Object.hasOwn(value, key)) return undefined
    value = Reflect.get(value, key)
  }
  return value === null ? undefined : withoutSecrets(value)
}

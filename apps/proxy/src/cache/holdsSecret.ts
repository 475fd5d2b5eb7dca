/**
 * Whether a body holds something that grants access.
 */
import { isSecretKey } from "@hb-sessions/core/secretKeys"

/**
 * Whether a secret key has a value, at any depth: a text, a number, or what may hold one.
 *
 * An empty text, a boolean and null hold none.
 */
export const holdsSecret = (json: unknown): boolean => {
  // A body may be nested more deeply than functions may.
  const open: Array<unknown> = [json]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value !== "object" || value === null) continue
    if (Array.isArray(value)) {
      for (const item of value) open.push(item)
      continue
    }
    for (const [key, item] of Object.entries(value)) {
      if (item === null || item === "" || typeof item === "boolean") continue
      if (isSecretKey(key)) return true
      open.push(item)
    }
  }
  return false
}

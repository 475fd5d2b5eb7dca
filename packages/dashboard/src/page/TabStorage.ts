/**
 * What the tab keeps while it is open. A browser may forbid it, or have no room: then nothing is kept.
 */

/** The value of a key; undefined if there is none, or if it cannot be read. */
export const read = (key: string): string | undefined => {
  try {
    return sessionStorage.getItem(key) ?? undefined
  } catch {
    return undefined
  }
}

/** Keeps a value; whether that was possible. */
export const keep = (key: string, value: string): boolean => {
  try {
    sessionStorage.setItem(key, value)
    return true
  } catch {
    return false
  }
}

/** Forgets a value. */
export const forget = (key: string): void => {
  try {
    sessionStorage.removeItem(key)
  } catch {
    // What cannot be removed could not be kept.
  }
}

/**
 * Whether the tab can be seen. One that is not needs no news, and holds one of the few connections that a browser has.
 */

/** Milliseconds in the background after which the reader is not about to come back. */
const HIDDEN = 60_000

/** A signal that is also aborted when the tab has been in the background for a minute; `end` ends the watching. */
export const whileSeen = (signal: AbortSignal): { readonly signal: AbortSignal; readonly end: () => void } => {
  const hidden = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const look = () => {
    clearTimeout(timer)
    if (document.hidden) timer = setTimeout(() => hidden.abort(), HIDDEN)
  }
  look()
  document.addEventListener("visibilitychange", look)
  return {
    signal: AbortSignal.any([signal, hidden.signal]),
    end: () => {
      clearTimeout(timer)
      document.removeEventListener("visibilitychange", look)
    }
  }
}

/** Waits until the tab can be seen, or until the signal ends that. */
export const untilSeen = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return
      document.removeEventListener("visibilitychange", look)
      signal.removeEventListener("abort", look)
      resolve()
    }
    document.addEventListener("visibilitychange", look)
    signal.addEventListener("abort", look)
    look()
  })

/**
 * A client without any help: one request, one connection, and whatever comes back.
 */
import { Effect } from "effect"
import { request } from "node:http"

/** What a client gets to see. */
export interface Seen {
  readonly status?: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly text: string
  /** Whether the whole body came. */
  readonly complete: boolean
  /** The code of the error that ended it, such as ECONNRESET. */
  readonly code?: string
  /** The system call that failed: `read` when the peer has reset the connection, none when it has only closed it. */
  readonly syscall?: string | undefined
  /** Milliseconds until the head and until the end. */
  readonly headAfter: number
  readonly endAfter: number
}

/** Sends a GET request; interruption closes the connection. */
export const get = (url: string, apiKey?: string): Effect.Effect<Seen> =>
  Effect.callback<Seen>((resume) => {
    const start = performance.now()
    let seen: Seen = { headers: {}, text: "", complete: false, headAfter: 0, endAfter: 0 }
    const finish = (more: Partial<Seen>) => {
      seen = { ...seen, ...more, endAfter: performance.now() - start }
      resume(Effect.succeed(seen))
    }
    const headers = apiKey === undefined ? {} : { "x-api-key": apiKey }
    const sent = request(url, { agent: false, headers }, (response) => {
      seen = {
        ...seen,
        status: response.statusCode ?? 0,
        headers: response.headers,
        headAfter: performance.now() - start
      }
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => (seen = { ...seen, text: seen.text + chunk }))
      response.on("end", () => finish({ complete: response.complete }))
      response.on("error", (error: NodeJS.ErrnoException) =>
        finish({ code: error.code ?? "unknown", syscall: error.syscall })
      )
    })
    sent.on("error", (error: NodeJS.ErrnoException) =>
      finish({ code: error.code ?? "unknown", syscall: error.syscall })
    )
    sent.end()
    return Effect.sync(() => sent.destroy())
  })

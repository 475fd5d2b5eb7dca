/**
 * Reads server-sent events as they come.
 */
import { Effect } from "effect"

/** One event. */
export interface Received {
  readonly event: string
  readonly id: string
  readonly data: Readonly<Record<string, unknown>>
}

/** An open stream of events. */
export class EventReader {
  readonly status: number
  readonly headers: Headers
  /** All that came. */
  text = ""
  private at = 0
  private end: "ended" | "cut" | undefined
  private readonly waiting = new Set<() => void>()
  private readonly abort: AbortController

  private constructor(response: Response, abort: AbortController) {
    this.status = response.status
    this.headers = response.headers
    this.abort = abort
    void this.read(response)
  }

  /** Opens a stream until the scope closes. */
  static readonly open = (url: string, headers: Readonly<Record<string, string>>) =>
    Effect.acquireRelease(
      Effect.promise(async () => {
        const abort = new AbortController()
        return new EventReader(await fetch(url, { headers, signal: abort.signal }), abort)
      }),
      (reader) => reader.close
    )

  /** Leaves. */
  readonly close = Effect.sync(() => this.abort.abort())

  /** The next event; of a name, the next one that has it. */
  next(name?: string): Effect.Effect<Received> {
    return Effect.promise(async () => {
      for (;;) {
        const found = this.take()
        if (found === undefined && this.end !== undefined) throw new Error(`${this.end} without ${name}: ${this.text}`)
        // oxlint-disable-next-line eslint/no-await-in-loop -- one event after another
        if (found === undefined) await new Promise<void>((resolve) => this.waiting.add(resolve))
        else if (name === undefined || found.event === name) return found
      }
    })
  }

  /** How the stream ended, once it has. */
  get ended(): Effect.Effect<"ended" | "cut"> {
    return Effect.promise(async () => {
      // oxlint-disable-next-line eslint/no-await-in-loop -- one event after another
      while (this.end === undefined) await new Promise<void>((resolve) => this.waiting.add(resolve))
      return this.end
    })
  }

  private take(): Received | undefined {
    for (;;) {
      const end = this.text.indexOf("\n\n", this.at)
      if (end < 0) return undefined
      const lines = this.text.slice(this.at, end).split("\n")
      this.at = end + 2
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? ""
      if (field("event") !== "") return { event: field("event"), id: field("id"), data: JSON.parse(field("data")) }
    }
  }

  private async read({ body }: Response): Promise<void> {
    const decoder = new TextDecoder()
    try {
      if (body !== null) {
        for await (const chunk of body) {
          this.text += decoder.decode(chunk, { stream: true })
          this.wake()
        }
      }
      this.end = "ended"
    } catch {
      this.end = "cut"
    }
    this.wake()
  }

  private wake(): void {
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const resolve of waiting) resolve()
  }
}

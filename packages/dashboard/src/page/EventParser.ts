/**
 * Reads server-sent events from pieces of text: `EventSource` cannot send a token in a header.
 */

/** An event as it came. */
export interface ServerEvent {
  readonly event: string
  readonly data: string
}

/** Longest event that is read, in characters. */
const MAX_EVENT = 64 * 1024 * 1024

/** Reads one stream. */
export class EventParser {
  /** The id to go on behind; empty before the first one. */
  lastId: string
  /** Milliseconds after which to come back, if the server said so. */
  retry: number | undefined
  private rest = ""
  private event = ""
  private data: Array<string> = []
  private id: string
  private size = 0

  constructor(lastId: string) {
    this.lastId = lastId
    this.id = lastId
  }

  /** The events that a piece completes. */
  push(piece: string): ReadonlyArray<ServerEvent> {
    const events: Array<ServerEvent> = []
    this.size += piece.length
    if (this.size > MAX_EVENT) throw new Error("an event is too long")
    const lines = (this.rest + piece).split(/\r\n|\n|\r(?!$)/)
    this.rest = lines.pop() ?? ""
    for (const line of lines) {
      if (line !== "") {
        this.field(line)
        continue
      }
      this.lastId = this.id
      this.size = 0
      if (this.data.length > 0) events.push({ event: this.event || "message", data: this.data.join("\n") })
      this.event = ""
      this.data = []
    }
    return events
  }

  private field(line: string): void {
    const colon = line.indexOf(":")
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "")
    if (name === "event") this.event = value
    else if (name === "data") this.data.push(value)
    else if (name === "id" && !value.includes("\0")) this.id = value
    else if (name === "retry" && /^\d{1,7}$/.test(value)) this.retry = Number(value)
  }
}

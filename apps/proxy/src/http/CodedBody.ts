/**
 * A body that is compressed as it is written, at the speed of its reader.
 */
import type { Transform } from "node:stream"
import type { Coding } from "./AcceptEncoding.ts"
import { compressor } from "./ContentCoding.ts"

/** What a coded body is written to. */
export interface CodedBodyOptions {
  /** Sends a piece; false when the client should be waited for. */
  readonly write: (piece: Buffer) => boolean
  /** Is told how many bytes wait here for the client. */
  readonly onWaiting: (bytes: number) => void
  readonly onFailure: () => void
}

/** Where text is written to. What has no end when it is destroyed has none in the coding either. */
export class CodedBody {
  /** Emits `drain` when more can be written. */
  readonly source: Transform
  private readonly onWaiting: CodedBodyOptions["onWaiting"]

  constructor(
    coding: Coding,
    response: { readonly once: (event: "drain", listener: () => void) => unknown },
    { onFailure, onWaiting, write }: CodedBodyOptions
  ) {
    this.onWaiting = onWaiting
    this.source = compressor(coding)
    this.source.on("data", (piece: Buffer) => {
      if (!write(piece)) {
        this.source.pause()
        response.once("drain", () => this.source.resume())
      }
      this.noteWaiting()
    })
    this.source.on("error", onFailure)
  }

  /** Compresses a text and sends what came out; false when `drain` should be waited for. */
  write(text: string): boolean {
    const isTaken = this.source.write(text)
    this.noteWaiting()
    return isTaken
  }

  /** Ends the body; calls back when all of it was handed over. */
  end(onEnd: () => void): void {
    this.source.once("end", onEnd)
    this.source.end()
  }

  /** Frees the memory. */
  destroy(): void {
    this.source.destroy()
    this.onWaiting(0)
  }

  private noteWaiting(): void {
    this.onWaiting(this.source.writableLength + this.source.readableLength)
  }
}

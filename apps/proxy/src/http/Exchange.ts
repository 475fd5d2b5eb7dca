/**
 * One request and its answer, at the level of Node's HTTP server.
 *
 * Answers from the cache are sent without a fiber, at a fraction of the cost: so this much is not Effect.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import * as Metrics from "../operations/Metrics.ts"
import type { LogEntry, RouteName } from "./LogEntry.ts"
import type { Outbox } from "./Outbox.ts"
import * as Problem from "./Problem.ts"
import { reset } from "./reset.ts"
import * as AcceptEncoding from "./AcceptEncoding.ts"
import { CodedBody } from "./CodedBody.ts"
import { type Wish, wishOf } from "./RequestCacheControl.ts"
import type { Target } from "./RequestValidation.ts"
import type { Client } from "../access/Token.ts"

/** Names and values of headers in turn. */
export type HeaderList = ReadonlyArray<string>

/** What the client closed its connection before it was answered is counted as. */
const CLIENT_CLOSED = 499

/** Bytes of a large body that are handed over at once. */
const PIECE = 65_536

/** What all exchanges of a server share. */
export interface Surroundings {
  readonly log: (entry: LogEntry) => void
  readonly isDraining: () => boolean
  readonly outbox: Outbox
}

/** A request that waits for its answer. */
export class Exchange {
  // Declared only: fields of a class are set by a function of their own, which took a tenth of an answer's own time.
  declare readonly id: string
  declare readonly request: IncomingMessage
  declare readonly response: ServerResponse
  declare readonly method: string
  declare readonly address: string
  declare readonly path: string
  /** From `?` on; empty without a query. */
  declare readonly search: string
  /** What the client wants of the cache. */
  declare readonly wish: Wish
  declare route: RouteName
  declare client: Client | undefined
  /** State of the cache, for the log and the metrics. */
  declare cache: string | undefined
  /** Sent with every answer. */
  declare readonly common: Array<string>
  declare private readonly surroundings: Surroundings
  declare private readonly startedAt: number
  declare private isFinished: boolean
  declare private streamed: number
  declare private stuckSince: number | undefined
  declare private coded: CodedBody | undefined

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    /** `address` is where the request comes from. */
    { address, id, target }: { readonly id: string; readonly address: string; readonly target: Target },
    surroundings: Surroundings
  ) {
    this.id = id
    this.request = request
    this.response = response
    this.method = request.method ?? ""
    this.address = address
    this.path = target.path
    this.search = target.search
    this.wish = wishOf(request.headers)
    this.route = "none"
    this.client = undefined
    this.cache = undefined
    this.common = ["x-request-id", id, "x-content-type-options", "nosniff"]
    this.surroundings = surroundings
    this.startedAt = performance.now()
    this.isFinished = false
    this.streamed = 0
    this.stuckSince = undefined
    this.coded = undefined
  }

  /** The codings that the client takes. */
  get accepted(): AcceptEncoding.Accepted {
    return AcceptEncoding.read(this.request.headers["accept-encoding"])
  }

  /** Whether the client is gone, or has its answer. */
  get isOver(): boolean {
    return this.isFinished || this.response.destroyed
  }

  /** Bytes of the body of an answer that was begun, so far. */
  get sent(): number {
    return this.streamed
  }

  /** Since when the client has not taken what was written, in milliseconds of `performance.now`; undefined if it has. */
  get blockedSince(): number | undefined {
    return this.stuckSince
  }

  /** Answers without a body. */
  sendEmpty(status: number, headers: HeaderList): void {
    if (this.isOver) return
    this.head(status, headers)
    this.response.end()
    this.finish(status, undefined, 0)
  }

  /** Answers at once, in Latin-1 if it is a text. The body is left out of the answer to HEAD, its length is not. */
  sendWhole(status: number, headers: HeaderList, body: string | Buffer): void {
    if (this.isOver) return
    this.head(status, headers)
    if (this.method === "HEAD") {
      this.response.end()
      return this.finish(status, undefined, 0)
    }
    this.response.end(body, "latin1")
    this.noteQueued()
    this.finish(status, undefined, body.length)
  }

  /**
   * Answers with a body that all clients share, a piece at a time: one that reads slowly, and may have no token, must
   * not cost the memory of a copy.
   */
  sendLarge(status: number, headers: HeaderList, body: Uint8Array): void {
    if (this.isOver) return
    this.head(status, headers)
    if (this.method === "HEAD") return this.end()
    this.response.once("close", () => this.abandoned())
    const next = () => {
      while (this.streamed < body.length) {
        const piece = body.subarray(this.streamed, this.streamed + PIECE)
        this.streamed += piece.length
        if (!this.response.write(piece)) return void this.response.once("drain", next)
      }
      this.end()
    }
    next()
  }

  /** Answers with a problem. */
  reject(rejection: Problem.Rejection): void {
    if (this.isOver) return
    const status = Problem.statusOf(rejection.problem)
    const body = Problem.body(rejection, this.id)
    const length = Buffer.byteLength(body)
    this.head(
      status,
      [
        ...Object.entries(rejection.headers ?? {}).flat(),
        "content-type",
        Problem.contentType,
        "cache-control",
        "no-store",
        "content-length",
        String(length)
      ],
      rejection.close
    )
    this.response.end(this.method === "HEAD" ? "" : body)
    this.noteQueued()
    this.finish(status, rejection.problem, length)
  }

  /** Rejects a request that can still be rejected, and cuts an answer that was begun. */
  fail(rejection: Problem.Rejection): void {
    if (this.response.headersSent) this.cut(rejection.problem)
    else this.reject(rejection)
  }

  /** Sends the head of an answer of unknown length, whose body is compressed as it is written if a coding is given. */
  begin(status: number, headers: HeaderList, coding?: AcceptEncoding.Coding): void {
    if (this.isOver) return
    if (coding === undefined) return this.head(status, headers)
    this.head(status, [...headers, "content-encoding", coding])
    if (this.method === "HEAD") return
    const coded = new CodedBody(coding, this.response, {
      write: (piece) => this.push(piece),
      onWaiting: (bytes) => this.surroundings.outbox.encode(this.request.socket, bytes),
      onFailure: () => this.cut("internal")
    })
    this.coded = coded
    this.response.once("close", () => coded.destroy())
  }

  /** Sends a piece; false when the client should be waited for until `onDrain`. */
  write(piece: string): boolean {
    if (this.coded === undefined) return this.push(piece)
    return this.isOver || this.coded.write(piece)
  }

  /** Calls back when more can be written after `write` was false; returns a function that ends that. */
  onDrain(listener: () => void): () => void {
    const source = this.coded?.source ?? this.response
    source.once("drain", listener)
    return () => void source.off("drain", listener)
  }

  /** Ends an answer that was begun. */
  end(): void {
    if (this.coded === undefined) return this.complete()
    this.coded.end(() => this.complete())
  }

  /** Cuts an answer that cannot be completed, so that it cannot be taken for complete: to HTTP/1.0 an end is an end. */
  cut(problem: Problem.ProblemName): void {
    if (this.response.socket !== null) reset(this.response.socket)
    this.response.destroy()
    this.finish(this.response.statusCode, problem, this.streamed)
  }

  /** Notes that the client is gone. */
  abandoned(): void {
    this.finish(CLIENT_CLOSED, undefined, this.streamed)
  }

  private complete(): void {
    if (this.isOver) return
    this.response.end()
    this.finish(this.response.statusCode, undefined, this.streamed)
  }

  private push(piece: string | Buffer): boolean {
    this.streamed += Buffer.byteLength(piece)
    const isTaken = this.response.write(piece)
    this.noteQueued()
    if (!isTaken && this.stuckSince === undefined) {
      this.stuckSince = performance.now()
      this.response.once("drain", () => (this.stuckSince = undefined))
    }
    return isTaken
  }

  /** A client is told to close as soon as the stop has begun, also one that asked before. */
  private head(status: number, headers: HeaderList, isLast = false): void {
    const all = this.common.concat(headers)
    if (isLast || this.surroundings.isDraining()) all.push("connection", "close")
    this.response.writeHead(status, all)
  }

  private noteQueued(): void {
    const { socket } = this.response
    if (socket !== null && socket.writableLength > 0) this.surroundings.outbox.note(socket)
  }

  private finish(status: number, problem: Problem.ProblemName | undefined, bytes: number): void {
    if (this.isFinished) return
    this.isFinished = true
    const millis = performance.now() - this.startedAt
    Metrics.answered(this.route, status, this.cache ?? "none", millis)
    this.surroundings.log({
      id: this.id,
      address: this.address,
      client: this.client?.name,
      tokenId: this.client?.id,
      account: this.client?.account,
      method: this.method,
      route: this.route,
      path: this.path,
      status,
      problem,
      cache: this.cache,
      bytes,
      millis
    })
  }
}

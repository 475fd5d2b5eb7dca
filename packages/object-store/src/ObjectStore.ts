/**
 * A strict stand-in for S3, as a running HTTP server on this machine.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Contents } from "./Contents.ts"
import { type FaultKind, type FaultRule, makeFaults, type OtherAnswer, type RequestInfo } from "./Faults.ts"
import { Failure } from "./internal/Failure.ts"
import type { Answer, Rules } from "./internal/Handler.ts"
import { bodyOf, checkLength, header, type Incoming, targetOf } from "./internal/Incoming.ts"
import { type Operation, operationOf, perform } from "./internal/operations.ts"
import { verifyChecksums, verifySignature } from "./internal/verifySignature.ts"
import * as Xml from "./internal/xml.ts"

/**
 * Called with a request that has come in whole, before anything happens. A promise holds the request up; `drop` cuts the
 * connection without an effect.
 */
export type Hook = (request: RequestInfo) => void | "drop" | Promise<void | "drop">

/** Everything that a store can be told; without options it is as strict as AWS, and never fails. */
export interface ObjectStoreOptions extends Partial<Rules> {
  /** Default `test-key`. */
  readonly accessKeyId?: string
  /** Default `test-secret`. */
  readonly secretAccessKey?: string
  /** The token that has to be sent; none by default. */
  readonly sessionToken?: string
  /** Default `us-east-1`. */
  readonly region?: string
  /** The buckets that exist. Default `exports`. */
  readonly buckets?: ReadonlyArray<string>
  /** Address to listen on. Default 127.0.0.1. */
  readonly host?: string
  /** Port to listen on; 0, the default, takes a free one. */
  readonly port?: number
  readonly faults?: ReadonlyArray<FaultRule>
  readonly hook?: Hook
}

/** A request and what became of it. */
export interface LoggedRequest extends RequestInfo {
  /** Undefined while there is no answer, and where there was none. */
  readonly status: number | undefined
  /** The code of a failure in S3's words. */
  readonly code: string | undefined
  /** Whether what was asked for happened. */
  readonly happened: boolean
}

/** A running store. */
export interface RunningObjectStore {
  /** Where it listens, without a path: `http://127.0.0.1:43121`. */
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
  /** The variables that lead a client here. */
  readonly environment: Readonly<Record<string, string>>
  /** What it holds, to be read and changed at once. */
  readonly contents: Contents
  /** The requests so far, oldest first. */
  readonly requests: ReadonlyArray<LoggedRequest>
  readonly clearRequests: () => void
  /** Puts other rules in the place of the present ones, and counts from the start. */
  readonly setFaults: (rules: ReadonlyArray<FaultRule>) => void
  readonly setHook: (hook: Hook | undefined) => void
  /** The store's clock, in milliseconds. */
  readonly now: () => number
  /** Sets the store's clock forward by so many milliseconds, or back. */
  readonly advanceClock: (millis: number) => void
  /** Whether the session token has expired. */
  readonly setExpired: (isExpired: boolean) => void
  /** Ends all connections, and frees the port. */
  readonly stop: () => Promise<void>
}

/** A store for programs with Effect; it stops at once, hung requests included, when its scope closes. */
export class ObjectStore extends Context.Service<ObjectStore, RunningObjectStore>()(
  "@hb-sessions/object-store/ObjectStore"
) {
  static readonly layer = (options: ObjectStoreOptions = {}): Layer.Layer<ObjectStore> =>
    Layer.effect(
      ObjectStore,
      Effect.acquireRelease(
        Effect.promise(() => startObjectStore(options)),
        ({ stop }) => Effect.promise(stop)
      )
    )
}

const MIB = 1024 ** 2

const defaultRules: Rules = {
  pageSize: 1000,
  minPartBytes: 5 * MIB,
  maxCopyBytes: 5 * 1024 * MIB,
  ignoreConditions: false,
  completeConditions: true,
  unquotedIfMatch: false,
  deleteObjects: true
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** Starts a store; rejects when it cannot listen there. */
export const startObjectStore = async (options: ObjectStoreOptions = {}): Promise<RunningObjectStore> => {
  const {
    accessKeyId = "test-key",
    buckets = ["exports"],
    region = "us-east-1",
    secretAccessKey = "test-secret",
    sessionToken
  } = options
  const rules: Rules = { ...defaultRules, ...options }
  let ahead = 0
  let isExpired = false
  let faults = makeFaults(options.faults ?? [])
  let hook = options.hook
  let count = 0
  const requests: Array<Mutable<LoggedRequest>> = []
  const now = () => Date.now() + ahead
  const contents = new Contents(now)
  for (const bucket of buckets) contents.addBucket(bucket)

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const target = targetOf(request)
    const body = await bodyOf(request)
    const incoming: Incoming = { ...target, method: request.method ?? "", headers: request.headers, body }
    const operation = operationOf(incoming)
    const info = infoOf(incoming, operation, ++count)
    const logged: Mutable<LoggedRequest> = { ...info, status: undefined, code: undefined, happened: false }
    requests.push(logged)
    if ((await hook?.(info)) === "drop") return void request.socket.destroy()
    const fault = faults(info)
    const answer = early(fault)
    if (answer !== undefined) return send(response, incoming, answer, logged)
    if (fault === "cut") return void request.socket.destroy()
    if (fault === "hang") return
    let done: Answer
    try {
      if (["PUT", "POST"].includes(incoming.method)) checkLength(request)
      verifySignature(incoming, { accessKeyId, secretAccessKey, sessionToken, isExpired, region }, now())
      verifyChecksums(incoming)
      done = perform(operation, { incoming, contents, rules })
      logged.happened = true
    } catch (error) {
      done = answerOf(error, incoming, logged)
    }
    if (fault === "lost-answer") return void request.socket.destroy()
    if (fault === "late-hang") return
    send(response, incoming, done, logged, fault === "half-body")
  }

  const send = (
    response: ServerResponse,
    incoming: Incoming,
    { body = "", headers = {}, status }: Answer,
    logged: Mutable<LoggedRequest>,
    isCut = false
  ) => {
    const bytes = Buffer.from(body)
    logged.status = status
    response.sendDate = false
    response.writeHead(status, {
      date: new Date(now()).toUTCString(),
      "x-amz-request-id": String(logged.number).padStart(16, "0"),
      "x-amz-bucket-region": region,
      ...(status === 204 || status === 304 ? {} : { "content-length": String(bytes.length) }),
      ...headers
    })
    if (incoming.method === "HEAD") return void response.end()
    if (!isCut) return void response.end(bytes)
    response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy())
  }

  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
    // A client that is gone is no failure of the store.
    request.on("error", () => {})
    response.on("error", () => {})
    handle(request, response).catch((error: unknown) => {
      if (response.headersSent || request.socket.destroyed) return
      const { body = "", headers, status } = answerOf(error, { key: "" }, undefined)
      response.writeHead(status, headers).end(body)
    })
  })
  server.listen(options.port ?? 0, options.host ?? "127.0.0.1")
  await once(server, "listening")
  const { address, port } = server.address() as AddressInfo
  const endpoint = `http://${address.includes(":") ? `[${address}]` : address}:${port}`

  return {
    endpoint,
    accessKeyId,
    secretAccessKey,
    region,
    environment: {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      ...(sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: sessionToken }),
      AWS_REGION: region,
      AWS_ENDPOINT_URL_S3: endpoint
    },
    contents,
    requests,
    clearRequests: () => {
      requests.length = 0
    },
    setFaults: (next) => {
      faults = makeFaults(next)
    },
    setHook: (next) => {
      hook = next
    },
    now,
    advanceClock: (millis) => {
      ahead += millis
    },
    setExpired: (next) => {
      isExpired = next
    },
    stop: async () => {
      const closed = once(server, "close")
      server.close()
      server.closeAllConnections()
      await closed
    }
  }
}

const infoOf = (incoming: Incoming, operation: Operation | undefined, number: number): RequestInfo => {
  const condition = ["if-match", "if-none-match"]
    .map((name) => [name, header(incoming, name)] as const)
    .find(([, value]) => value !== undefined)
  return {
    number,
    operation: operation?.name ?? "",
    method: incoming.method,
    bucket: incoming.bucket,
    key: incoming.key,
    query: incoming.query,
    condition: condition?.join(": "),
    userAgent: header(incoming, "user-agent") ?? "",
    bytes: incoming.body.length
  }
}

/** The answer of a fault that keeps the request from having an effect. */
const early = (fault: FaultKind | OtherAnswer | undefined): Answer | undefined => {
  switch (fault) {
    case "slow-down":
      return errorAnswer(new Failure(503, "SlowDown", "Please reduce your request rate."), "")
    case "internal-error":
      return errorAnswer(new Failure(500, "InternalError", "We encountered an internal error. Please try again."), "")
    case "conflict":
      return errorAnswer(
        new Failure(409, "ConditionalRequestConflict", "A conflicting conditional operation is under way."),
        ""
      )
    default:
      return typeof fault === "object" ? fault : undefined
  }
}

const errorAnswer = ({ code, details, message, status }: Failure, resource: string): Answer => ({
  status,
  headers: { "content-type": "application/xml" },
  // The namespace of other documents is not that of errors.
  body: Xml.document("Error", { Code: code, Message: message, Resource: resource, ...details }, "")
})

const answerOf = (
  error: unknown,
  { key }: Pick<Incoming, "key">,
  logged: Mutable<LoggedRequest> | undefined
): Answer => {
  if (!(error instanceof Failure)) throw error
  if (logged !== undefined) logged.code = error.code
  return errorAnswer(error, `/${key}`)
}

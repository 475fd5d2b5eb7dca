/**
 * An `HttpClient` over a dispatcher of undici, for Node: it does for a request no more than a read of the list needs.
 *
 * The clients of `@effect/platform-node` stream every body, and trace and interrupt through signals. Here the body is read
 * to its end before the response is given, which takes less than half the time of theirs.
 */
import * as Cookies from "effect/http/Cookies"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import type * as UrlParams from "effect/http/UrlParams"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { type Pipeable, pipeArguments } from "effect/Pipeable"
import type * as Schema from "effect/Schema"
import type * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import { isLimited, MaxBodyBytes } from "./internal/bodyLimit.ts"
import { BodyTooLarge } from "./limitBodies.ts"

/** As much as is used of a dispatcher of undici 7 or newer: of an `Agent`, a `Pool` or a `ProxyAgent`. */
export interface Dispatcher {
  /** Sends a request, and tells its handler of the response. */
  dispatch(options: object, handler: object): boolean
}

interface Controller {
  abort(reason: Error): void
}

type ResponseHeaders = Record<string, string | Array<string> | undefined>

type Resume = (effect: Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>) => void

/**
 * Makes the client. The dispatcher stays its caller's, who closes it.
 *
 * **Details**
 *
 * Only `GET` without a body: anything else fails with an `EncodeError`. A body that is longer than the `maxBodyBytes` of
 * its `SessionsClient` closes the connection, and reading it fails with a `DecodeError` that `BodyTooLarge` caused. An
 * interruption ends the request. Redirects are not followed, bodies not decompressed, and there are no spans.
 */
export const make = (dispatcher: Dispatcher): HttpClient.HttpClient =>
  HttpClient.makeWith(
    Effect.flatMap((request) => Effect.withFiber((fiber) => send(dispatcher, request, fiber))),
    Effect.succeed<HttpClientRequest.HttpClientRequest>
  )

/** `make` as a layer. */
export const layer = (dispatcher: Dispatcher): Layer.Layer<HttpClient.HttpClient> =>
  Layer.succeed(HttpClient.HttpClient, make(dispatcher))

const send = (
  dispatcher: Dispatcher,
  request: HttpClientRequest.HttpClientRequest,
  fiber: Fiber.Fiber<unknown, unknown>
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> => {
  if (request.method !== "GET" || request.body._tag !== "Empty") {
    const description = "this client sends GET without a body only"
    return failed(new HttpClientError.EncodeError({ request, description }))
  }
  const url = urlOf(request)
  if (url === undefined) return failed(new HttpClientError.InvalidUrlError({ request }))
  return Effect.callback((resume) => {
    const exchange = new Exchange(request, url.href, fiber.getRef(MaxBodyBytes), resume)
    try {
      dispatcher.dispatch(
        {
          origin: url.origin,
          path: url.pathname + url.search,
          method: "GET",
          headers: request.headers,
          headersTimeout: 0,
          bodyTimeout: 0
        },
        exchange
      )
    } catch (cause) {
      resume(failed(new HttpClientError.TransportError({ request, cause })))
    }
    return Effect.sync(() => exchange.abort(new Error("interrupted")))
  })
}

const failed = (reason: HttpClientError.HttpClientError["reason"]) =>
  Effect.fail(new HttpClientError.HttpClientError({ reason }))

const urlOf = (request: HttpClientRequest.HttpClientRequest): URL | undefined => {
  if (request.urlParams.params.length > 0) return Option.getOrUndefined(HttpClientRequest.toUrl(request))
  return URL.canParse(request.url) ? new URL(request.url) : undefined
}

/** A handler, which is told of one request and what comes of it. */
class Exchange {
  readonly #request: HttpClientRequest.HttpClientRequest
  readonly #url: string
  readonly #maxBytes: number
  readonly #resume: Resume
  readonly #chunks: Array<Uint8Array> = []
  #length = 0
  #controller: Controller | undefined
  #aborted: Error | undefined
  #head: Head | undefined

  constructor(request: HttpClientRequest.HttpClientRequest, url: string, maxBytes: number, resume: Resume) {
    this.#request = request
    this.#url = url
    this.#maxBytes = maxBytes
    this.#resume = resume
  }

  abort(reason: Error): void {
    this.#aborted = reason
    this.#controller?.abort(reason)
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller
    if (this.#aborted !== undefined) controller.abort(this.#aborted)
  }

  onResponseStart(_controller: Controller, status: number, headers: ResponseHeaders): void {
    // Another head may follow one that only informs.
    if (status < 200) return
    this.#head = { status, headers: Headers.fromInput(headers), setCookie: headers["set-cookie"] }
    if (Number(headers["content-length"]) > this.#maxBytes) this.#rejectBody()
  }

  onResponseData(_controller: Controller, chunk: Uint8Array): void {
    this.#length += chunk.length
    if (this.#length > this.#maxBytes) this.#rejectBody()
    else this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    this.#finish(concat(this.#chunks, this.#length))
  }

  onResponseError(_controller: unknown, cause: Error): void {
    this.#finish(cause)
  }

  #rejectBody(): void {
    const error = new BodyTooLarge({ maxBytes: this.#maxBytes })
    this.#finish(error)
    this.abort(error)
  }

  #finish(body: ArrayBuffer | Error): void {
    const head = this.#head
    const request = this.#request
    if (head !== undefined) this.#resume(Effect.succeed(new UndiciResponse(request, this.#url, head, body)))
    else this.#resume(failed(new HttpClientError.TransportError({ request, cause: body })))
  }
}

const concat = (chunks: ReadonlyArray<Uint8Array>, length: number): ArrayBuffer => {
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  return bytes.buffer
}

interface Head {
  readonly status: number
  readonly headers: Headers.Headers
  readonly setCookie: string | Array<string> | undefined
}

/** A response whose body is here, or why it is not. */
class UndiciResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse, Pipeable {
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [isLimited] = true
  readonly request: HttpClientRequest.HttpClientRequest
  readonly url: string
  readonly status: number
  readonly headers: Headers.Headers
  readonly arrayBuffer: Effect.Effect<ArrayBuffer, HttpClientError.HttpClientError>
  readonly #setCookie: Head["setCookie"]

  constructor(
    request: HttpClientRequest.HttpClientRequest,
    url: string,
    { headers, setCookie, status }: Head,
    body: ArrayBuffer | Error
  ) {
    super()
    this.request = request
    this.url = url
    this.status = status
    this.headers = headers
    this.#setCookie = setCookie
    this.arrayBuffer =
      body instanceof Error
        ? failed(new HttpClientError.DecodeError({ request, response: this, cause: body }))
        : Effect.succeed(body)
  }

  get remoteAddress(): Option.Option<string> {
    return Option.none()
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError.HttpClientError> {
    return Stream.fromEffect(Effect.map(this.arrayBuffer, (buffer) => new Uint8Array(buffer)))
  }

  get text(): Effect.Effect<string, HttpClientError.HttpClientError> {
    return this.#web(({ text }) => text)
  }

  get json(): Effect.Effect<Schema.Json, HttpClientError.HttpClientError> {
    return this.#web(({ json }) => json)
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.HttpClientError> {
    return this.#web(({ urlParamsBody }) => urlParamsBody)
  }

  get formData(): Effect.Effect<FormData, HttpClientError.HttpClientError> {
    return this.#web(({ formData }) => formData)
  }

  get cookies(): Cookies.Cookies {
    return Cookies.fromSetCookie(this.#setCookie ?? [])
  }

  get upgrade(): Effect.Effect<Socket.Socket, HttpClientError.HttpClientError> {
    return this.#webOf(null).upgrade
  }

  toJSON(): unknown {
    return this.#webOf(null).toJSON()
  }

  pipe() {
    return pipeArguments(this, arguments)
  }

  #web<A>(read: (web: HttpClientResponse.HttpClientResponse) => Effect.Effect<A, HttpClientError.HttpClientError>) {
    return Effect.flatMap(this.arrayBuffer, (body) => read(this.#webOf(body)))
  }

  /** For what is seldom asked for. */
  #webOf(body: ArrayBuffer | null): HttpClientResponse.HttpClientResponse {
    const { headers, status } = this
    const mayHaveBody = body !== null && body.byteLength > 0
    return HttpClientResponse.fromWeb(this.request, new Response(mayHaveBody ? body : null, { headers, status }))
  }
}

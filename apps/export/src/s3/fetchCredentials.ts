/**
 * Asks a service for credentials.
 */
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Option from "effect/Option"
import { type AttemptFailed, Permanent, Transient } from "./AttemptFailed.ts"
import { noCredentials } from "./Credentials.ts"
import { exchange, type Outgoing } from "./exchange.ts"
import { readBody } from "./readBody.ts"
import { retrying } from "./retrying.ts"
import { CredentialsRejected } from "./S3Error.ts"
import type { S3Limits } from "./S3Settings.ts"
import * as S3Xml from "./S3Xml.ts"

const MAX_BYTES = 256 * 1024

/** In milliseconds: the service is near, or not there at all. */
const IDLE = 10_000

/** The body of the answer, which is retried until it is there; `source` is what to check if it is rejected. */
export const fetchCredentials = (
  http: HttpClient.HttpClient,
  request: Omit<Outgoing, "idleMillis">,
  source: string,
  limits: S3Limits
): Effect.Effect<string, Permanent> => {
  const attempt = exchange(http, { ...request, idleMillis: Math.min(IDLE, limits.idleMillis) }, (incoming) =>
    Effect.flatMap(readBody(incoming, MAX_BYTES), (body): Effect.Effect<string, AttemptFailed> => {
      const { status } = incoming
      if (status === 200) return Effect.succeed(new TextDecoder().decode(body))
      const code = codeOf(body)
      return status === 429 || status >= 500 || code === "IDPCommunicationError"
        ? Effect.fail(new Transient({ detail: `${describe(status, code)} for ${source}` }))
        : Effect.fail(new Permanent({ reason: new CredentialsRejected({ source, code: describe(status, code) }) }))
    })
  )
  return retrying(attempt, limits).pipe(
    Effect.catchTag("PlatformError", (error) => Effect.die(error)),
    Effect.mapError((failed) => (failed.reason._tag === "Unexpected" ? noCredentials(failed.reason.detail) : failed))
  )
}

const describe = (status: number, code: string) => `HTTP ${status}${code === "" ? "" : ` ${code}`}`

/** The code of an error of the security token service. */
const codeOf = (body: Uint8Array): string =>
  S3Xml.parse(body).pipe(
    Option.flatMap((answer) => Option.fromNullishOr(answer.all("Error")[0])),
    Option.flatMap(({ text }) => text("Code")),
    Option.filter((code) => /^\w{1,80}$/.test(code)),
    Option.getOrElse(() => "")
  )

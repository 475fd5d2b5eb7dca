/**
 * The credentials of a container: of ECS, and of EKS Pod Identity.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HttpClient from "effect/http/HttpClient"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { type CredentialSource, missing, noCredentials, temporary } from "./Credentials.ts"
import { fetchCredentials } from "./fetchCredentials.ts"
import { type S3Limits, variable } from "./S3Settings.ts"

const RELATIVE = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
const FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
const TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
const TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

/** Where ECS serves them. */
const ECS = "http://169.254.170.2"

/** The hosts that may be asked without TLS: this machine, ECS, and EKS. */
const PLAIN_HOSTS = /^(?:localhost|127(?:\.\d+){3}|\[::1\]|169\.254\.170\.2|169\.254\.170\.23|\[fd00:ec2::23\])$/

/** The source that the variables of the container name; none if they are not set. */
export const containerSource = Effect.fnUntraced(function* (limits: S3Limits) {
  const http = yield* HttpClient.HttpClient
  const fs = yield* FileSystem.FileSystem
  const relative = yield* variable(RELATIVE)
  const full = yield* variable(FULL)
  const token = yield* variable(TOKEN)
  const tokenFile = yield* variable(TOKEN_FILE)
  if (Option.isNone(relative) && Option.isNone(full)) return Option.none<CredentialSource>()
  const name = Option.isSome(relative) ? RELATIVE : FULL
  const text = Option.match(relative, {
    onNone: () => Option.getOrElse(full, () => ""),
    onSome: (path) => `${ECS}${path.startsWith("/") ? "" : "/"}${path}`
  })
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) return yield* missing(`${name} is not a URL`)
  if (url.protocol === "http:" && !PLAIN_HOSTS.test(url.hostname)) {
    return yield* missing(`${name} names a host that needs https://`)
  }
  const authorization = Effect.gen(function* () {
    if (Option.isNone(tokenFile)) return Option.getOrElse(token, () => "")
    // The file is replaced from time to time.
    const read = yield* Effect.mapError(fs.readFileString(tokenFile.value), ({ reason }) =>
      noCredentials(`the file that ${TOKEN_FILE} names cannot be read (${reason._tag})`)
    )
    return read.trim()
  })
  return Option.some<CredentialSource>(
    Effect.gen(function* () {
      const value = yield* authorization
      if (!/^[\x20-\x7e]*$/.test(value)) return yield* missing(`${TOKEN} contains a character that no token has`)
      const headers = { accept: "application/json", ...(value === "" ? {} : { authorization: value }) }
      const body = yield* fetchCredentials(http, { method: "GET", url: url.href, headers }, name, limits)
      const json = Option.getOrUndefined(Schema.decodeOption(Schema.fromJsonString(Schema.Unknown))(body))
      const field = (key: string) => (Predicate.hasProperty(json, key) ? json[key] : undefined)
      return yield* Option.match(
        temporary(
          {
            keyId: field("AccessKeyId"),
            secret: field("SecretAccessKey"),
            token: field("Token"),
            expiration: field("Expiration")
          },
          name
        ),
        { onNone: () => missing(`what ${name} names returned no credentials`), onSome: Effect.succeed }
      )
    })
  )
})

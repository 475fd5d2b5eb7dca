/**
 * The credentials of a role, for the web identity of a service account of EKS.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HttpClient from "effect/http/HttpClient"
import * as Option from "effect/Option"
import { createHash } from "node:crypto"
import * as Stream from "effect/Stream"
import { type CredentialSource, missing, noCredentials, temporary } from "./Credentials.ts"
import { fetchCredentials } from "./fetchCredentials.ts"
import { endpointOf, type S3Limits, variable } from "./S3Settings.ts"
import { awsDomain, encode } from "./S3Url.ts"
import * as S3Xml from "./S3Xml.ts"

const FILE = "AWS_WEB_IDENTITY_TOKEN_FILE"
const ROLE = "AWS_ROLE_ARN"
const SOURCE = `${ROLE} and ${FILE}`

/** The source that the variables of a service account name; none if they are not set. */
export const webIdentitySource = Effect.fnUntraced(function* (region: string, limits: S3Limits) {
  const http = yield* HttpClient.HttpClient
  const fs = yield* FileSystem.FileSystem
  const file = yield* variable(FILE)
  const role = yield* variable(ROLE)
  const session = yield* variable("AWS_ROLE_SESSION_NAME")
  if (Option.isNone(file)) return Option.none<CredentialSource>()
  if (Option.isNone(role)) return yield* missing(`${FILE} is set, but ${ROLE} is not`)
  const endpoint = Option.match(yield* endpointOf("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"), {
    onNone: () => `https://sts.${region}.${awsDomain(region)}/`,
    onSome: ({ href }) => href
  })
  return Option.some<CredentialSource>(
    Effect.gen(function* () {
      // Kubernetes replaces the file long before the token expires.
      const token = yield* Effect.mapError(fs.readFileString(file.value), ({ reason }) =>
        noCredentials(`the file that ${FILE} names cannot be read (${reason._tag})`)
      )
      const form = Object.entries({
        Action: "AssumeRoleWithWebIdentity",
        Version: "2011-06-15",
        RoleArn: role.value,
        RoleSessionName: Option.getOrElse(session, () => "hb-sessions-export"),
        WebIdentityToken: token.trim()
      })
      const bytes = new TextEncoder().encode(form.map(([name, value]) => `${name}=${encode(value)}`).join("&"))
      const body = yield* fetchCredentials(
        http,
        {
          method: "POST",
          url: endpoint,
          headers: { "content-type": "application/x-www-form-urlencoded" },
          body: {
            bytes: bytes.length,
            sha256: createHash("sha256").update(bytes).digest("hex"),
            stream: Stream.succeed(bytes)
          }
        },
        SOURCE,
        limits
      )
      const given = Option.flatMap(S3Xml.parse(new TextEncoder().encode(body)), (answer) =>
        Option.fromNullishOr(
          answer.all("AssumeRoleWithWebIdentityResult").flatMap((result) => result.all("Credentials"))[0]
        )
      )
      const field = (name: string) => Option.getOrUndefined(Option.flatMap(given, ({ text }) => text(name)))
      return yield* Option.match(
        temporary(
          {
            keyId: field("AccessKeyId"),
            secret: field("SecretAccessKey"),
            token: field("SessionToken"),
            expiration: field("Expiration")
          },
          SOURCE
        ),
        { onNone: () => missing("the security token service returned no credentials"), onSome: Effect.succeed }
      )
    })
  )
})

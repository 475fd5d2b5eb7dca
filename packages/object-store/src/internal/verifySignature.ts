/**
 * AWS's Signature Version 4, as S3 checks it.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto"
import { Failure } from "./Failure.ts"
import { header, type Incoming } from "./Incoming.ts"

/** What a request must be signed with. */
export interface SigningKeys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Undefined for keys that do not expire. */
  readonly sessionToken: string | undefined
  readonly isExpired: boolean
  readonly region: string
}

/** How far the clocks may be apart, in milliseconds. */
const MAX_SKEW = 15 * 60_000

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})$/

/** Fails for a request that S3 would not accept at this time. */
export const verifySignature = (incoming: Incoming, keys: SigningKeys, now: number): void => {
  const authorization = header(incoming, "authorization")
  if (authorization === undefined) throw new Failure(403, "AccessDenied", "Access Denied")
  const [, keyId, day = "", region = "", service, signedHeaders = "", signature = ""] =
    AUTHORIZATION.exec(authorization) ?? []
  if (keyId === undefined) throw malformed("The authorization header is malformed.")
  const time = header(incoming, "x-amz-date") ?? ""
  if (!/^\d{8}T\d{6}Z$/.test(time)) {
    throw new Failure(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
  }
  if (service !== "s3" || !time.startsWith(day)) throw malformed("The credential scope is wrong.")
  if (region !== keys.region) {
    throw malformed(
      `The authorization header is malformed; the region '${region}' is wrong; expecting '${keys.region}'`,
      {
        Region: keys.region
      }
    )
  }
  if (keyId !== keys.accessKeyId) {
    throw new Failure(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
  }
  verifyToken(incoming, keys)
  if (Math.abs(millisOf(time) - now) > MAX_SKEW) {
    throw new Failure(
      403,
      "RequestTimeTooSkewed",
      "The difference between the request time and the current time is too large."
    )
  }
  const names = signedHeaders.split(";")
  verifySignedNames(incoming, names)
  const payload = verifyPayload(incoming)
  const expected = sign(incoming, keys, { day, time, names, payload })
  if (!timingSafeEqual(Buffer.from(expected), Buffer.from(signature))) {
    throw new Failure(
      403,
      "SignatureDoesNotMatch",
      "The request signature we calculated does not match the signature you provided. Check your key and signing method."
    )
  }
}

const malformed = (message: string, details?: Readonly<Record<string, string>>) =>
  new Failure(400, "AuthorizationHeaderMalformed", message, details)

const verifyToken = (incoming: Incoming, { isExpired, sessionToken }: SigningKeys) => {
  if (header(incoming, "x-amz-security-token") !== sessionToken) {
    throw new Failure(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
  }
  if (isExpired) throw new Failure(400, "ExpiredToken", "The provided token has expired.")
}

const verifySignedNames = ({ headers }: Incoming, names: ReadonlyArray<string>) => {
  const unsigned = Object.keys(headers).filter(
    (name) => (name === "host" || name.startsWith("x-amz-")) && !names.includes(name)
  )
  if (unsigned.length > 0) {
    throw new Failure(403, "AccessDenied", "There were headers present in the request which were not signed", {
      HeadersNotSigned: unsigned.join(", ")
    })
  }
  if (names.join() !== names.toSorted().join()) throw malformed("SignedHeaders is not sorted.")
}

/** Fails where the body is not the one that a further checksum was made of. */
export const verifyChecksums = (incoming: Incoming): void => {
  for (const [name, algorithm] of [
    ["content-md5", "md5"],
    ["x-amz-checksum-sha256", "sha256"]
  ] as const) {
    const told = header(incoming, name)
    if (told === undefined || told === createHash(algorithm).update(incoming.body).digest("base64")) continue
    throw new Failure(400, "BadDigest", `The ${name} you specified did not match what we received.`)
  }
}

/** The hash of the payload as it was signed, if it is that of the payload. */
const verifyPayload = (incoming: Incoming): string => {
  const told = header(incoming, "x-amz-content-sha256")
  if (told === undefined) {
    throw new Failure(400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
  }
  if (told === "UNSIGNED-PAYLOAD") return told
  if (told.startsWith("STREAMING-")) throw new Failure(501, "NotImplemented", `${told} is not implemented`)
  if (told !== sha256(incoming.body)) {
    throw new Failure(
      400,
      "XAmzContentSHA256Mismatch",
      "The provided 'x-amz-content-sha256' header does not match what was computed."
    )
  }
  return told
}

const sign = (
  incoming: Incoming,
  { region, secretAccessKey }: SigningKeys,
  signed: {
    readonly day: string
    readonly time: string
    readonly names: ReadonlyArray<string>
    readonly payload: string
  }
): string => {
  const canonical = [
    incoming.method,
    decodeURIComponent(incoming.rawPath).split("/").map(encode).join("/"),
    [...incoming.query]
      .map(([name, value]) => [encode(name), encode(value)] as const)
      // The names are different, and ASCII once they are encoded.
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map((pair) => pair.join("="))
      .join("&"),
    ...signed.names.map((name) => `${name}:${(header(incoming, name) ?? "").trim().replace(/\s+/g, " ")}`),
    "",
    signed.names.join(";"),
    signed.payload
  ].join("\n")
  const scope = `${signed.day}/${region}/s3/aws4_request`
  const toSign = ["AWS4-HMAC-SHA256", signed.time, scope, sha256(canonical)].join("\n")
  const key = [signed.day, region, "s3", "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`)
  return hmac(key, toSign).toString("hex")
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest()

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex")

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

const millisOf = (time: string): number =>
  Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"))

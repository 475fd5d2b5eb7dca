/**
 * Where the object store is, from the variables that every client of S3 reads; and the limits of a client.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { exitCodes } from "../exitCodes.ts"

/** Where the object store is. */
export interface S3Settings {
  readonly region: string
  /** Of `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`; none for AWS. */
  readonly endpoint: Option.Option<URL>
}

/** The limits of a client. */
export interface S3Limits {
  /** In milliseconds: how long an attempt may go without a byte sent or received. */
  readonly idleMillis: number
  /** In milliseconds: the same for copying and completing, while which stores may send nothing. */
  readonly workMillis: number
  /** Attempts after the first. */
  readonly retries: number
  /** In milliseconds: how long after the first attempt the last one may begin. */
  readonly retryForMillis: number
  /** In milliseconds: the first wait between attempts, which doubles. */
  readonly baseMillis: number
  /** In milliseconds: the longest wait that is chosen here. */
  readonly maxDelayMillis: number
  /** In milliseconds: the longest wait that a store may ask for. */
  readonly maxRetryAfterMillis: number
  /** In bytes: the longest file that is sent in one request. */
  readonly singleBytes: number
  /** In bytes: the length of a part of an upload, longer where there would be too many. */
  readonly partBytes: number
  /** Parts in flight. */
  readonly parallelParts: number
  /** In bytes: the longest object that is copied in one request. */
  readonly copyBytes: number
  /** In bytes: the length of a part that is copied. */
  readonly copyPartBytes: number
  /** In milliseconds: how long aborting an upload may take. */
  readonly abortMillis: number
  /** Pages of a list: far more than an export has. */
  readonly listPages: number
}

const MIB = 1024 ** 2

/** What a client is limited to by default. */
export const defaultLimits: S3Limits = {
  idleMillis: 60_000,
  workMillis: 300_000,
  retries: 7,
  retryForMillis: 300_000,
  baseMillis: 200,
  maxDelayMillis: 20_000,
  maxRetryAfterMillis: 60_000,
  singleBytes: 64 * MIB,
  partBytes: 8 * MIB,
  parallelParts: 4,
  copyBytes: 5 * 1024 * MIB,
  copyPartBytes: 512 * MIB,
  abortMillis: 5000,
  listPages: 10_000
}

/** A variable without the white space around it; none if that leaves nothing. */
export const variable = (name: string): Config.Config<Option.Option<string>> =>
  Config.option(Config.String(name)).pipe(
    Config.map((found) =>
      Option.filter(
        Option.map(found, (text) => text.trim()),
        (text) => text !== ""
      )
    )
  )

const DEFAULT_REGION = "us-east-1"

/** Reads the settings; what is wrong with them is a usage error. */
export const s3Settings = Effect.gen(function* () {
  const region = yield* variable("AWS_REGION")
  const other = yield* variable("AWS_DEFAULT_REGION")
  return {
    region: yield* checkRegion(
      Option.getOrElse(
        Option.orElse(region, () => other),
        () => DEFAULT_REGION
      )
    ),
    endpoint: yield* endpointOf("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
  } satisfies S3Settings
})

/** The region becomes a part of a host's name. */
const checkRegion = (region: string) =>
  /^[A-Za-z0-9-]{1,63}$/.test(region)
    ? Effect.succeed(region)
    : usage(`AWS_REGION is not the name of a region; give a name such as ${DEFAULT_REGION}`)

/** The first of some variables that is set, as a URL. */
export const endpointOf = Effect.fnUntraced(function* (...names: ReadonlyArray<string>) {
  for (const name of names) {
    const found = yield* variable(name)
    if (Option.isSome(found)) return Option.some(yield* parseEndpoint(name, found.value))
  }
  return Option.none<URL>()
})

const parseEndpoint = (name: string, text: string) => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    return usage(`${name} is not a URL with http:// or https://; give one such as https://s3.example.com`)
  }
  if (url.username !== "" || url.password !== "") {
    return usage(`${name} contains a user or a password; put the keys into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`)
  }
  return url.search === "" && url.hash === ""
    ? Effect.succeed(url)
    : usage(`${name} contains a query or a fragment; give the host, the port and the path only`)
}

const usage = (message: string) => Effect.fail(new AppError({ message, exitCode: exitCodes.usage }))

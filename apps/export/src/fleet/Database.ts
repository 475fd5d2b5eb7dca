/**
 * How the database of a fleet is reached, from its URL, which is read as `psql` reads it.
 *
 * Of the variables of `psql`, only `PGPASSWORD` is read, and no `~/.pgpass`: a fleet has one database, and two machines
 * that found different ones would be two fleets.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import * as RegularFile from "@hb-sessions/app-kit/RegularFile"
import { shownPath } from "@hb-sessions/app-kit/SystemError"
import { nearest } from "@hb-sessions/core/nearest"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { userInfo } from "node:os"
import type { ConnectionOptions } from "node:tls"
import { usage } from "../settings/configs.ts"
import type { DatabaseUrl } from "../settings/databaseUrl.ts"

const tlsModes = ["disable", "require", "verify-ca", "verify-full"] as const

/** How much of TLS is asked for, as `sslmode` says it. */
export type TlsMode = (typeof tlsModes)[number]

/** A database, and how it is reached. */
export interface Database {
  /** A name or an address; the directory of a socket begins with a slash. */
  readonly host: string
  readonly port: number
  readonly name: string
  readonly user: string
  readonly password: Redacted.Redacted | undefined
  readonly tls: TlsMode
  /** What of TLS comes from files. */
  readonly certificates: Pick<ConnectionOptions, "ca" | "cert" | "key">
  /** How long a connection is waited for, in seconds. */
  readonly connectSeconds: number
  readonly applicationName: string
  /** What the server is told at the start of each session, such as `-c search_path=x`. */
  readonly serverOptions: string | undefined
}

const parameters = [
  "application_name",
  "channel_binding",
  "connect_timeout",
  "host",
  "options",
  "password",
  "port",
  "sslcert",
  "sslkey",
  "sslmode",
  "sslrootcert",
  "target_session_attrs",
  "user"
] as const

type Parameter = (typeof parameters)[number]
type Parameters = Partial<Record<Parameter, string>>

const isParameter = (name: string): name is Parameter => parameters.some((known) => known === name)

/** Waits as long as this for a connection, in seconds, where the URL says nothing else. */
const CONNECT_SECONDS = 10

/** A server that does not answer a statement for so long is away, in milliseconds. */
const ANSWER_MILLIS = 15_000

const MAX_BYTES = 1024 * 1024

const FORM = "postgres://user:password@host:5432/database?sslmode=verify-full"

const invalid = (problem: string): AppError => usage(`the URL of the database ${problem}`)

const NOT_READ = invalid(
  `is not of the form ${FORM}; in a password, write %40 for @, %2F for /, %3A for :, %23 for #, %3F for ? and %25 for %`
)

/** Reads the URL and the files that it names. Fails with exit code 2, and shows neither the URL nor the password. */
export const parse = Effect.fn("Database.parse")(function* (given: DatabaseUrl) {
  const text = Redacted.value(given)
  if (/[\0-\x20\x7F]/.test(text)) {
    return yield* invalid("holds a space, a line break or another control character; write %20 for a space")
  }
  const address = text.replace(/^[^:]*:\/\//, "")
  const hosts = /^(?:.*@)?([^/?#]*)/.exec(address)?.[1] ?? ""
  if (hosts.includes(",")) {
    return yield* invalid("names several hosts; give one, such as a name that follows the primary")
  }
  // What a URL has between its user and its path may be empty, which `URL` does not allow beside a user.
  const url = URL.parse(text) ?? URL.parse(text.replace("@/", "@socket.invalid/"))
  if (url === null || url.hash !== "") return yield* NOT_READ
  const found = yield* parametersOf(url)
  const parts = [url.username, url.password, url.pathname.slice(1), url.hostname]
  const [user, password, name, host] = yield* Effect.forEach(parts, decoded)
  // An @ or a / here is of a password that was not encoded.
  if (name === undefined || /[@/]/.test(name)) return yield* NOT_READ
  const role = found.user ?? (user || osUser())
  if (role === undefined) return yield* invalid("has no user; give it one, such as postgres://me@host/database")
  const database: Database = {
    host: yield* hostOf(host === "socket.invalid" ? "" : (host ?? ""), found.host),
    port: yield* portOf(found.port ?? url.port),
    name: name || role,
    user: role,
    password: yield* passwordOf(found.password ?? (password || undefined)),
    ...(yield* tlsOf(found)),
    connectSeconds: yield* secondsOf(found.connect_timeout),
    applicationName: found.application_name ?? "hb-sessions-export",
    serverOptions: found.options
  }
  return database
})

const parametersOf = Effect.fnUntraced(function* (url: URL) {
  const found: Parameters = {}
  for (const [name, value] of url.searchParams) {
    if (!isParameter(name)) {
      // What looks like nothing may be a part of a password with a question mark in it.
      if (!/^[a-z_]{2,30}$/i.test(name)) return yield* NOT_READ
      const best = nearest(name, parameters)
      const hint =
        best === undefined ? `leave it out; the known ones are ${parameters.join(", ")}` : `did you mean ${best}?`
      return yield* invalid(`has the unknown parameter ${name}; ${hint}`)
    }
    if (value === "") return yield* invalid(`has ${name} without a value; give it one, or leave it out`)
    found[name] = value
  }
  const { channel_binding: binding = "prefer", target_session_attrs: attributes = "any" } = found
  if (!["disable", "prefer", "require"].includes(binding)) {
    return yield* invalid("has a channel_binding that is not one of disable, prefer, require")
  }
  if (!["any", "read-write", "primary"].includes(attributes)) {
    return yield* invalid("has a target_session_attrs for a server that cannot be written to; leave it out")
  }
  return found
})

const decoded = (part: string): Effect.Effect<string, AppError> =>
  Effect.try({ try: () => decodeURIComponent(part), catch: () => NOT_READ })

/** As `psql` has it; a container may run as a user without a name. */
const osUser = (): string | undefined => {
  try {
    return userInfo().username
  } catch {
    return undefined
  }
}

const hostOf = Effect.fnUntraced(function* (inUrl: string, parameter: string | undefined) {
  const host = parameter ?? inUrl.replace(/^\[(.*)\]$/, "$1")
  if (host !== "") return host
  return yield* invalid(
    "has no host; give one, or the directory of a socket, such as postgres:///database?host=/run/postgresql"
  )
})

const portOf = Effect.fnUntraced(function* (text: string) {
  if (text === "") return 5432
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65_535 ? port : yield* invalid("has a port that is not a number from 1 to 65535")
})

const secondsOf = Effect.fnUntraced(function* (text: string | undefined) {
  if (text === undefined) return CONNECT_SECONDS
  if (/^\d{1,3}$/.test(text) && Number(text) > 0) return Number(text)
  return yield* invalid("has a connect_timeout that is not a number of seconds from 1 to 999")
})

const passwordOf = Effect.fnUntraced(function* (inUrl: string | undefined) {
  if (inUrl !== undefined) return Redacted.make(inUrl, { label: "database-password" })
  return Option.getOrUndefined(yield* Config.option(Config.Redacted("PGPASSWORD")))
})

const isTlsMode = (text: string): text is TlsMode => tlsModes.some((mode) => mode === text)

const tlsOf = Effect.fnUntraced(function* ({ sslcert, sslkey, sslmode = "disable", sslrootcert }: Parameters) {
  if (!isTlsMode(sslmode)) {
    const why =
      sslmode === "prefer" || sslmode === "allow"
        ? `has sslmode=${sslmode}, which would fall back to clear text if an attacker in between rejects TLS`
        : "has an unknown sslmode"
    return yield* invalid(`${why}; give ${tlsModes.join(", ")}`)
  }
  if (sslmode === "disable" && [sslcert, sslkey, sslrootcert].some((file) => file !== undefined)) {
    return yield* invalid("names certificates, but does not ask for TLS; add sslmode=verify-full")
  }
  const read = Effect.fnUntraced(function* (parameter: string, file: string | undefined) {
    if (file === undefined) return undefined
    return yield* Effect.mapError(RegularFile.readText(file, { maxBytes: MAX_BYTES }), ({ problem }) =>
      invalid(`has ${parameter}=${shownPath(file)}, which cannot be read: ${problem}`)
    )
  })
  const [ca, cert, key] = [
    yield* read("sslrootcert", sslrootcert === "system" ? undefined : sslrootcert),
    yield* read("sslcert", sslcert),
    yield* read("sslkey", sslkey)
  ]
  const certificates = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key })
  }
  // So does libpq: who names an authority wants it to be looked at.
  return { tls: sslmode === "require" && ca !== undefined ? "verify-ca" : sslmode, certificates } as const
})

/** The server wants a password, and there is none. */
export class PasswordMissing extends Error {
  readonly code = "PASSWORD_MISSING"
}

/** What the driver of pg-boss is told. */
export const driverOptions = (database: Database) => {
  const { applicationName, connectSeconds, host, name, password, port, serverOptions, user } = database
  return {
    host,
    port,
    user,
    database: name,
    // A function, so that the driver does not look for a file of passwords.
    password: () => {
      if (password === undefined) throw new PasswordMissing()
      return Redacted.value(password)
    },
    ssl: sslOf(database),
    sslnegotiation: "postgres",
    enableChannelBinding: true,
    application_name: applicationName,
    connectionTimeoutMillis: connectSeconds * 1000,
    query_timeout: ANSWER_MILLIS,
    keepAlive: true,
    ...(serverOptions === undefined ? {} : { options: serverOptions })
  }
}

const sslOf = ({ certificates, tls }: Database): false | ConnectionOptions => {
  switch (tls) {
    case "disable":
      return false
    case "require":
      return { ...certificates, rejectUnauthorized: false }
    case "verify-ca":
      return { ...certificates, checkServerIdentity: () => undefined }
    case "verify-full":
      return certificates
  }
}

/** Where a database is, for messages. */
export const placeOf = ({ host, port }: Database): string => {
  if (host.startsWith("/")) return shownPath(`${host}/.s.PGSQL.${port}`)
  return `${host.includes(":") ? `[${host}]` : host}:${port}`
}

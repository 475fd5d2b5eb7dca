/**
 * What went wrong with the database of a fleet, in one line: what, why and what to do.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import { secretForms } from "@hb-sessions/core/secretForms"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import { exitCodes } from "../exitCodes.ts"
import { type Database, placeOf } from "./Database.ts"

const { auth, database: away, usage } = exitCodes

interface Problem {
  readonly exitCode: number
  /** What is so, such as `nothing listens there`. */
  readonly what: string
  readonly remedy: string
}

/** The error that counts of several: a host with two addresses fails with one for each. */
const firstOf = (cause: unknown): unknown =>
  cause instanceof AggregateError && cause.errors.length > 0 ? firstOf(cause.errors[0]) : cause

const codeOf = (cause: unknown): string =>
  Predicate.hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : ""

const textOf = (cause: unknown): string => {
  if (cause instanceof Error && cause.message !== "") return cause.message
  return codeOf(cause) || "it failed and gave no reason"
}

/** The failure of a statement or of a connection. */
export const problemOf = (cause: unknown, database: Database): AppError => {
  const error = firstOf(cause)
  const { exitCode, remedy, what } = classify(error, database)
  return new AppError({
    message: masked(`the database ${database.name} at ${placeOf(database)}: ${what}; ${remedy}`, database),
    exitCode
  })
}

/** A text without the password, on one line. */
export const masked = (text: string, { password }: Database): string => {
  const forms = password === undefined ? [] : secretForms(Redacted.value(password))
  const hidden = [...forms]
    .toSorted((a, b) => b.length - a.length)
    // A short password would be found in other words.
    .filter((form) => form.length >= LEAST_SECRET)
    .reduce((rest, form) => rest.replaceAll(form, "<redacted>"), text)
  return hidden.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").trim()
}

const LEAST_SECRET = 4

const classify = (error: unknown, database: Database): Problem => {
  const code = codeOf(error)
  const text = textOf(error)
  if (/^[0-9A-Z]{5}$/.test(code) && Predicate.hasProperty(error, "severity")) {
    return ofServer(code, text, database) ?? { exitCode: away, what: `${text} (SQLSTATE ${code})`, remedy: LOOK }
  }
  return (
    ofNetwork(code) ??
    ofTls(code, text, database) ??
    ofDriver(code, text, database) ?? { exitCode: away, what: text, remedy: LOOK }
  )
}

const LOOK = "look for the reason in the server's log"

const ofNetwork = (code: string): Problem | undefined => {
  switch (code) {
    case "ENOTFOUND":
      return {
        exitCode: away,
        what: "the host name cannot be resolved",
        remedy: "check its spelling in the URL, and the DNS settings of this machine"
      }
    case "EAI_AGAIN":
      return { exitCode: away, what: "the name server did not answer", remedy: "check the network" }
    case "ECONNREFUSED":
      return {
        exitCode: away,
        what: "nothing accepts connections there",
        remedy: "check host and port, and whether PostgreSQL runs and listens there (listen_addresses)"
      }
    case "ENOENT":
    case "ENOTDIR":
    case "ENOTSOCK":
      return {
        exitCode: away,
        what: "there is no such socket",
        remedy: "check host and port in the URL, and whether PostgreSQL runs (unix_socket_directories)"
      }
    case "EACCES":
    case "EPERM":
      return {
        exitCode: usage,
        what: "this user may not open the socket",
        remedy: "run as a user that may (unix_socket_permissions)"
      }
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EHOSTDOWN":
    case "ENETDOWN":
      return { exitCode: away, what: `the host cannot be reached (${code})`, remedy: "check the network" }
    case "ECONNRESET":
    case "EPIPE":
    case "ECONNABORTED":
      return {
        exitCode: away,
        what: `the connection was lost (${code})`,
        remedy: "check the network, and whether it is PostgreSQL that listens there"
      }
    case "ETIMEDOUT":
      return {
        exitCode: away,
        what: "the server did not answer",
        remedy: "check host and port, and the firewalls in between"
      }
    default:
      return undefined
  }
}

const ofTls = (code: string, text: string, { tls }: Database): Problem | undefined => {
  if (text === "The server does not support SSL connections") {
    return {
      exitCode: usage,
      what: `the server has no TLS, and the URL says sslmode=${tls}`,
      remedy: "turn it on there (ssl = on), or give sslmode=disable in a network that you trust"
    }
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return {
      exitCode: usage,
      what: "the server's certificate is for another name",
      remedy: "give the host as the certificate names it, or sslmode=verify-ca"
    }
  }
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") {
    return {
      exitCode: usage,
      what: `the certificate of the server ${code === "CERT_HAS_EXPIRED" ? "has expired" : "is not valid yet"}`,
      remedy: "renew it, or set the clock of this machine"
    }
  }
  if (/SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)|CERT_|INVALID_CA|INVALID_PURPOSE/.test(code)) {
    return {
      exitCode: usage,
      what: `the server's certificate was issued by an authority that is not trusted (${code})`,
      remedy: "give the authority's certificate with sslrootcert=FILE in the URL"
    }
  }
  if (/^ERR_(?:OSSL|SSL|TLS)|^EPROTO$/.test(code) || text === "There was an error establishing an SSL connection") {
    return {
      exitCode: usage,
      what: `TLS failed (${code === "" ? "the server does not speak it" : code})`,
      remedy: "check the certificates in the URL, and whether it is PostgreSQL that listens there"
    }
  }
  return undefined
}

const ofDriver = (code: string, text: string, { connectSeconds, user }: Database): Problem | undefined => {
  if (code === "PASSWORD_MISSING" || text.includes("client password must be")) {
    return {
      exitCode: auth,
      what: `the server asks for the password of ${user}, but none is given`,
      remedy: "put it into the URL, or into PGPASSWORD"
    }
  }
  if (/timeout exceeded when trying to connect|due to connection timeout|^timeout expired/.test(text)) {
    return {
      exitCode: away,
      what: `no answer within ${connectSeconds} s`,
      remedy: "check host and port, the firewalls in between, and whether it is PostgreSQL that listens there"
    }
  }
  if (text === "Query read timeout") {
    return { exitCode: away, what: "a statement was not answered in time", remedy: LOOK }
  }
  if (text.startsWith("Connection terminated")) {
    return {
      exitCode: away,
      what: "the connection was closed without an answer",
      remedy: "check whether PostgreSQL runs, and whether it is PostgreSQL that listens there"
    }
  }
  if (/^SASL|authentication|Unknown auth/i.test(text)) {
    return {
      exitCode: auth,
      what: `logging in failed (${text})`,
      remedy: "use scram-sha-256, md5, peer, a client certificate or trust in pg_hba.conf"
    }
  }
  return undefined
}

const ofServer = (code: string, text: string, database: Database): Problem | undefined => {
  const { tls, user } = database
  switch (code) {
    case "28P01":
      return rejectedPassword(database)
    case "28000":
      return ofRules(text, tls, user)
    case "3D000":
      return noSuchDatabase(database)
    case "42501":
      return {
        exitCode: auth,
        what: `${user} lacks a right (${text})`,
        remedy: "let one role own the schema of the fleet and everything in it, and connect as that role everywhere"
      }
    case "25006":
      return { exitCode: usage, ...READ_ONLY }
    case "53300":
      return {
        exitCode: away,
        what: `the server has no connection left (${text})`,
        remedy: "raise max_connections or the limit of the role, or run fewer workers, which need up to 4 each"
      }
    case "57014":
    case "55P03":
      return {
        exitCode: away,
        what: `a statement was cancelled (${text})`,
        remedy: `raise statement_timeout and lock_timeout of the role: ALTER ROLE ${quoted(user)} SET statement_timeout = '15s'`
      }
    case "57P01":
    case "57P02":
    case "57P03":
    case "57P05":
      return { exitCode: away, what: `the server is not ready (${text})`, remedy: "try again when it is" }
    case "08P01":
      return ofPooler(text, database)
    case "3F000":
    case "42P01":
    case "42703":
    case "42883":
      return {
        exitCode: usage,
        what: `the tables of the fleet are not as this program created them (${text})`,
        remedy: "restore them from a backup, or give another --database-schema and start anew"
      }
    default:
      return undefined
  }
}

const noSuchDatabase = ({ name, user }: Database): Problem => ({
  exitCode: usage,
  what: "there is no such database on this server",
  remedy: `correct its name in the URL, or create it: CREATE DATABASE ${quoted(name)} OWNER ${quoted(user)}`
})

/** PgBouncer has one code for all that it rejects. */
const ofPooler = (text: string, database: Database): Problem => {
  if (/authentication failed|no such user/i.test(text)) return rejectedPassword(database)
  if (/database .* does not exist|no such database/i.test(text)) return noSuchDatabase(database)
  return {
    exitCode: usage,
    what: `the server rejects the connection (${text})`,
    remedy: "behind PgBouncer, leave options out of the URL"
  }
}

const rejectedPassword = ({ user }: Database): Problem => ({
  exitCode: auth,
  what: `the server rejects the password of ${user}`,
  remedy: "correct it in the URL or in PGPASSWORD, percent-encoded in the URL"
})

const ofRules = (text: string, tls: Database["tls"], user: string): Problem => {
  if (tls === "disable" && /no encryption|SSL off/.test(text)) {
    return {
      exitCode: usage,
      what: `the server lets ${user} in with TLS only, or not at all (${text})`,
      remedy: "add sslmode=verify-full to the URL"
    }
  }
  return {
    exitCode: auth,
    what: `the server does not let ${user} in (${text})`,
    remedy: "correct the user in the URL, or allow it in pg_hba.conf"
  }
}

/** A standby, or a role or a database that is set so. */
export const READ_ONLY = {
  what: "it is read-only, because it is a standby or because of default_transaction_read_only",
  remedy: "give the address of the primary, or turn that setting off for this role"
}

/** A name as SQL has it, where it needs quotes. */
export const quoted = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`

/**
 * What is wrong with the database of a fleet, on real servers: one line, an exit code, and no password.
 */
import { hasPostgres, type PostgresTcp, startPostgresTcp } from "@hb-sessions/postgres/Postgres"
import { secretForms } from "@hb-sessions/core/secretForms"
import { ConfigProvider, Effect, Layer, Redacted, Result } from "effect"
import { spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer as createHttpServer } from "node:http"
import { type AddressInfo, createServer, type Server, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { TABLES_VERSION } from "../src/fleet/checkDatabase.ts"
import * as Database from "../src/fleet/Database.ts"
import { problemOf } from "../src/fleet/databaseProblem.ts"
import type { Role } from "../src/fleet/checkDatabase.ts"
import { Queue } from "../src/fleet/Queue.ts"

/** With all that a URL has to encode. */
const PASSWORD = "p@ss/w%rd:#?ü"
const ENCODED = encodeURIComponent(PASSWORD)

let server: PostgresTcp
let secure: PostgresTcp
const directory = mkdtempSync(join(tmpdir(), "hb-sessions-database-"))
beforeAll(async () => {
  if (!hasPostgres) return
  ;[server, secure] = await Promise.all([
    startPostgresTcp({ password: PASSWORD }),
    startPostgresTcp({ password: PASSWORD, isTls: true })
  ])
}, 60_000)
afterAll(async () => {
  await Promise.all([server?.stop(), secure?.stop()])
  rmSync(directory, { recursive: true, force: true })
})

const psql = (postgres: PostgresTcp, sql: string, database = "postgres") => {
  const done = spawnSync("psql", ["--no-psqlrc", "--set=ON_ERROR_STOP=1", "--quiet", "--command", sql, database], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], ...postgres.env, PGDATABASE: database, PGPORT: String(postgres.port) }
  })
  assert.strictEqual(done.status, 0, done.stderr)
}

interface Options {
  readonly schema?: string
  readonly role?: Role
  readonly env?: Readonly<Record<string, string>>
}

/** Connects and disconnects; the line of what went wrong and its exit code, undefined for nothing. */
const problemWith = async (url: string, { env = {}, role = "worker", schema = "hb_sessions" }: Options = {}) => {
  const queue = Queue.layer({ url: Redacted.make(url), schema, connections: 2, onError: () => {}, role })
  const connected = await Queue.pipe(
    Effect.asVoid,
    Effect.provide(Layer.provide(queue, ConfigProvider.layer(ConfigProvider.fromUnknown(env)))),
    Effect.result,
    Effect.runPromise
  )
  if (Result.isSuccess(connected)) return undefined
  const { failure } = connected
  assert.notMatch(failure.message, /\n/)
  for (const form of secretForms(PASSWORD)) assert.notInclude(failure.message, form)
  return `${"exitCode" in failure ? failure.exitCode : failure._tag} ${failure.message}`
}

const at = (port: number, rest = "/postgres", user = `postgres:${ENCODED}`) =>
  `postgres://${user}@127.0.0.1:${port}${rest}`

/** Listens with something that is not PostgreSQL. */
const listening = async (started: Server): Promise<number> => {
  await once(started.listen(0, "127.0.0.1"), "listening")
  return (started.address() as AddressInfo).port
}

describe("the URL of the database", () => {
  const wrong: ReadonlyArray<readonly [string, RegExp]> = [
    ["postgres://me:p/ss@db/fleet", /is not of the form .* write %40 for @/],
    ["postgres://me:12/34@db/fleet", /is not of the form/],
    ["postgres://me:12?34@db/fleet", /is not of the form/],
    ["postgres://me:hunter#2@db/fleet", /is not of the form/],
    ["postgres://me:50%@db/fleet", /is not of the form/],
    ["postgres://me@a:5432,b:5432/fleet", /names several hosts/],
    ["postgres://a,b/fleet", /names several hosts/],
    ["postgres://me@db /fleet", /holds a space/],
    ["postgres://me@db/fleet\n", /line break/],
    ["postgres:///fleet", /has no host.*\?host=\/run\/postgresql/],
    ["postgres://me@db:99999/fleet", /is not of the form|port/],
    ["postgres://me@db/fleet?port=0", /has a port that is not a number from 1 to 65535/],
    ["postgres://me@db/fleet?sslmode=on", /unknown sslmode; give disable, require, verify-ca, verify-full/],
    ["postgres://me@db/fleet?sslmode=prefer", /would fall back to clear text/],
    ["postgres://me@db/fleet?sslmod=require", /the unknown parameter sslmod; did you mean sslmode\?/],
    ["postgres://me@db/fleet?sslmode=", /sslmode without a value/],
    ["postgres://me@db/fleet?sslrootcert=/nowhere.crt&sslmode=verify-full", /sslrootcert=.*nowhere.*does not exist/],
    ["postgres://me@db/fleet?sslrootcert=/nowhere.crt", /does not ask for TLS; add sslmode=verify-full/],
    ["postgres://me@db/fleet?connect_timeout=soon", /connect_timeout that is not a number of seconds/]
  ]
  for (const [url, expected] of wrong) {
    it(`is not ${JSON.stringify(url)}`, async () => {
      const problem = await problemWith(url)
      assert.match(problem ?? "", /^2 the URL of the database /)
      assert.match(problem ?? "", expected)
      assert.notMatch(problem ?? "", /hunter|34|p\/ss/)
    })
  }

  it("is read as psql reads it", async () => {
    const read = (url: string, env = {}) =>
      Database.parse(Redacted.make(url)).pipe(
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(env))),
        Effect.runPromise
      )
    const full = await read(`postgresql://me%40corp:${ENCODED}@[::1]:6432/my%20db?connect_timeout=3`)
    assert.deepInclude(full, { host: "::1", port: 6432, name: "my db", user: "me@corp", connectSeconds: 3 })
    assert.strictEqual(full.password && Redacted.value(full.password), PASSWORD)
    assert.strictEqual(Database.placeOf(full), "[::1]:6432")
    const socket = await read("postgres://me@/fleet?host=/run/postgresql", { PGPASSWORD: "from-variable" })
    assert.deepInclude(socket, { host: "/run/postgresql", port: 5432, name: "fleet", tls: "disable" })
    assert.strictEqual(socket.password && Redacted.value(socket.password), "from-variable")
    const encoded = await read("postgres://me@%2Frun%2Fpostgresql/fleet")
    assert.deepInclude(encoded, { host: "/run/postgresql", name: "fleet" })
    assert.strictEqual((await read("postgres://me@db")).name, "me")
  })
})

/** A server that is older than any that can be installed here: it lets everyone in, and has one row for each question. */
const oldServer = (row: Readonly<Record<string, string>>) => {
  const message = (type: string, ...parts: ReadonlyArray<Buffer>) => {
    const body = Buffer.concat(parts)
    const head = Buffer.alloc(5)
    head.write(type)
    head.writeInt32BE(body.length + 4, 1)
    return Buffer.concat([head, body])
  }
  const short = (value: number) => Buffer.from([value >> 8, value & 255])
  const long = (value: number) => Buffer.concat([short(0), short(value)])
  const text = (value: string) => Buffer.from(`${value}\0`)
  const ready = message("Z", Buffer.from("I"))
  const columns = Object.keys(row).map((name) =>
    Buffer.concat([text(name), long(0), short(0), long(25), short(65_535), long(0), short(0)])
  )
  const cells = Object.values(row).flatMap((value) => [long(Buffer.byteLength(value)), Buffer.from(value)])
  const answer = Buffer.concat([
    ...["1", "2"].map((type) => message(type)),
    message("T", short(columns.length), ...columns),
    message("D", short(columns.length), ...cells),
    message("C", text("SELECT 1")),
    ready
  ])
  return createServer((socket) => {
    socket.once("data", () => {
      socket.write(Buffer.concat([message("R", long(0)), ready]))
      socket.on("data", (asked: Buffer) => socket.write(asked.includes("SELECT") ? answer : ready))
    })
    socket.on("error", () => {})
  })
}

it("a server that is too old is rejected before anything is created in it", async () => {
  const old = oldServer({ server: "120022", shown: "12.22" })
  const problem = await problemWith(at(await listening(old)))
  assert.match(problem ?? "", /^2 .*: PostgreSQL 12\.22 is too old; upgrade the server to 13 or newer/)
  old.close()
})

describe("a place without PostgreSQL", () => {
  it("that accepts no connections is unavailable", async () => {
    const probe = createServer()
    const port = await listening(probe)
    probe.close()
    assert.match(
      (await problemWith(at(port))) ?? "",
      /^69 the database postgres at 127\.0\.0\.1:\d+: nothing accepts connections there; check host and port/
    )
  })

  it("that has no name is unavailable", async () => {
    assert.match(
      (await problemWith("postgres://me@nowhere.invalid/fleet")) ?? "",
      /^69 .* (?:host name cannot be resolved|name server did not answer)/
    )
  })

  it("that has no socket is unavailable", async () => {
    assert.match(
      (await problemWith(`postgres://me@/fleet?host=${directory}`)) ?? "",
      /^69 .*\.s\.PGSQL\.5432: there is no such socket/
    )
  })

  it("that speaks HTTP closes the connection", async () => {
    const web = createHttpServer((_, response) => response.end("hello"))
    const port = await listening(web)
    const problems = await Promise.all(["/x", "/x?sslmode=require"].map((rest) => problemWith(at(port, rest))))
    for (const problem of problems) {
      assert.match(problem ?? "", /^(?:2|69) .*whether it is PostgreSQL that listens there/)
    }
    web.close()
  })

  it("that accepts and never answers is given up", async () => {
    const sockets: Array<Socket> = []
    const silent = createServer((socket) => {
      sockets.push(socket)
      socket.on("error", () => {})
    })
    const port = await listening(silent)
    const modes = ["disable", "verify-full"]
    const problems = await Promise.all(
      modes.map((mode) => problemWith(at(port, `/x?connect_timeout=1&sslmode=${mode}`)))
    )
    for (const problem of problems) assert.match(problem ?? "", /^69 .*: no answer within 1 s; /)
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
})

describe.skipIf(!hasPostgres)("a server (PostgreSQL is not installed where this is skipped)", () => {
  it("is worked with, in a database and a schema of the given names, by TCP and by a socket", async () => {
    psql(server, `CREATE DATABASE "My ""db"""`)
    assert.isUndefined(await problemWith(at(server.port, "/My%20%22db%22"), { schema: "some_schema" }))
    const socket = `postgres://postgres@/postgres?host=${server.env.PGHOST}&port=${server.port}`
    assert.isUndefined(await problemWith(socket))
    assert.isUndefined(await problemWith(at(server.port, "", "postgres"), { env: { PGPASSWORD: PASSWORD } }))
  })

  it("that rejects the password, or wants one, is told apart", async () => {
    const wrong = at(server.port, "/postgres", `postgres:${ENCODED}x`)
    assert.match((await problemWith(wrong)) ?? "", /^3 .*the server rejects the password of postgres; /)
    assert.match(
      (await problemWith(at(server.port, "/postgres", "postgres"))) ?? "",
      /^3 .*asks for the password of postgres, but none is given; put it into the URL, or into PGPASSWORD/
    )
    assert.match(
      (await problemWith(at(server.port, "/postgres", `no_one:${ENCODED}`))) ?? "",
      /^3 .*rejects the password of no_one/
    )
  })

  it("without the database says how to create it", async () => {
    assert.match(
      (await problemWith(at(server.port, "/Fleet"))) ?? "",
      /^2 .*no such database on this server; .* CREATE DATABASE "Fleet" OWNER postgres$/
    )
  })

  it("with a role that lacks rights says which", async () => {
    psql(
      server,
      `CREATE ROLE poor LOGIN PASSWORD '${PASSWORD}'; CREATE SCHEMA theirs; CREATE SCHEMA looked_at; GRANT USAGE ON SCHEMA looked_at TO poor; CREATE SCHEMA given AUTHORIZATION poor`
    )
    const poor = at(server.port, "/postgres", `poor:${ENCODED}`)
    assert.match(
      (await problemWith(poor, { schema: "mine" })) ?? "",
      /^3 .*poor may not create the schema mine; .*CREATE SCHEMA mine AUTHORIZATION poor$/
    )
    assert.match(
      (await problemWith(poor, { schema: "theirs" })) ?? "",
      /^3 .*poor may not use the schema theirs; .*ALTER SCHEMA theirs OWNER TO poor/
    )
    assert.match(
      (await problemWith(poor, { schema: "looked_at" })) ?? "",
      /^3 .*poor may not create tables in the schema looked_at/
    )
    assert.isUndefined(await problemWith(poor, { schema: "given" }))
    assert.isUndefined(await problemWith(at(server.port), { schema: "of_admin" }))
    // What is the workers' must stay theirs.
    const rejects = async (role: Role, remedy: RegExp) => {
      const problem = (await problemWith(poor, { role, schema: "of_admin" })) ?? ""
      assert.match(problem, /^3 .*poor may not use the schema of_admin; /)
      assert.match(problem, remedy)
      assert.notInclude(problem, "OWNER TO")
    }
    await rejects("worker", /connect as the user of the other workers/)
    await rejects("operator", /connect as the user of the workers/)
    await rejects(
      "reader",
      /GRANT USAGE ON SCHEMA of_admin TO poor; GRANT SELECT ON ALL TABLES IN SCHEMA of_admin TO poor/
    )
    psql(server, "GRANT USAGE, CREATE ON SCHEMA of_admin TO poor")
    assert.match(
      (await problemWith(poor, { schema: "of_admin" })) ?? "",
      /^3 .*poor lacks a right \(permission denied for table version\); let one role own/
    )
  })

  it("that can only be read, or has no connection left, or no time, is told apart", async () => {
    psql(
      server,
      `CREATE ROLE reader LOGIN PASSWORD '${PASSWORD}' SUPERUSER; ALTER ROLE reader SET default_transaction_read_only = on;
      CREATE ROLE hasty LOGIN PASSWORD '${PASSWORD}' SUPERUSER; ALTER ROLE hasty SET statement_timeout = 1;
      CREATE ROLE full_up LOGIN PASSWORD '${PASSWORD}' CONNECTION LIMIT 0`
    )
    const as = (user: string) => at(server.port, "/postgres", `${user}:${ENCODED}`)
    assert.match((await problemWith(as("reader"))) ?? "", /^2 .*is read-only, .*give the address of the primary/)
    assert.match(
      (await problemWith(as("hasty"), { schema: "in_haste" })) ?? "",
      /^69 .*a statement was cancelled \(.*statement timeout\); raise statement_timeout/
    )
    assert.match(
      (await problemWith(as("full_up"))) ?? "",
      /^69 .*no connection left \(too many connections for role "full_up"\)/
    )
  })

  it("with a schema of something else, or of a newer version, leaves it alone", async () => {
    psql(server, "CREATE SCHEMA of_others; CREATE TABLE of_others.sessions (id int)")
    assert.match(
      (await problemWith(at(server.port), { schema: "of_others" })) ?? "",
      /^2 .*schema of_others does not belong to a fleet; give another --database-schema/
    )
    assert.isUndefined(await problemWith(at(server.port), { schema: "newer" }))
    assert.isUndefined(await problemWith(at(server.port), { schema: "of_another_boss" }))
    psql(server, "UPDATE newer.version SET version = version + 1")
    assert.match(
      (await problemWith(at(server.port), { schema: "newer" })) ?? "",
      /^2 .*the tables in the schema newer were created by a newer version of this program; upgrade/
    )
    psql(
      server,
      "SELECT of_another_boss.create_queue('mail', '{\"policy\":\"standard\"}'); UPDATE of_another_boss.queue SET name = name"
    )
    assert.match(
      (await problemWith(at(server.port), { schema: "of_another_boss" })) ?? "",
      /^2 .*does not belong to a fleet/
    )
    assert.isUndefined(await problemWith(at(server.port), { schema: "newest" }))
  })

  it("with TLS is verified as far as sslmode says", async () => {
    const { port } = secure
    const authority = `sslrootcert=${secure.authority}`
    assert.isUndefined(await problemWith(at(port, `/postgres?sslmode=verify-full&${authority}`)))
    assert.isUndefined(await problemWith(at(port, "/postgres?sslmode=require&channel_binding=require")))
    assert.match(
      (await problemWith(at(port))) ?? "",
      /^2 .*with TLS only, or not at all .*; add sslmode=verify-full to the URL/
    )
    assert.match(
      (await problemWith(at(port, "/postgres?sslmode=verify-full"))) ?? "",
      /^2 .*authority that is not trusted \(\w+\); give .*sslrootcert=FILE/
    )
    // An address, but none that a certificate could name.
    const other = at(port, `/postgres?sslmode=verify-full&${authority}`).replace("127.0.0.1", "127.1")
    assert.match((await problemWith(other)) ?? "", /^2 .*server's certificate is for another name; give the host/)
    assert.isUndefined(await problemWith(other.replace("verify-full", "verify-ca")))
    assert.match(
      (await problemWith(at(server.port, "/postgres?sslmode=verify-full"))) ?? "",
      /^2 .*the server has no TLS, and the URL says sslmode=verify-full/
    )
  })

  it("that is being shut down, or gone, is unavailable", async () => {
    await secure.shutDown()
    assert.match((await problemWith(at(secure.port))) ?? "", /^69 .*nothing accepts connections there/)
    await secure.startAgain()
  })
})

it("a password that an error quotes is not passed on, however it is spelt", async () => {
  const database = await Effect.runPromise(Database.parse(Redacted.make(at(5432))))
  for (const form of [PASSWORD, ENCODED, JSON.stringify(PASSWORD), Buffer.from(PASSWORD).toString("base64")]) {
    const { message } = problemOf(new Error(`cannot log in with ${form}\nat once`), database)
    assert.match(message, /cannot log in with .*<redacted>.* at once/)
    assert.notInclude(message, form)
  }
})

it("what PgBouncer rejects with its one code is told apart", async () => {
  const database = await Effect.runPromise(Database.parse(Redacted.make(at(6432, "/fleet", "me"))))
  const rejected = (text: string) => {
    const { exitCode, message } = problemOf(
      Object.assign(new Error(text), { code: "08P01", severity: "FATAL" }),
      database
    )
    return `${exitCode} ${message}`
  }
  assert.match(rejected("SASL authentication failed"), /^3 .*rejects the password of me/)
  assert.match(rejected("no such user: me"), /^3 /)
  assert.match(rejected('database "fleet" does not exist'), /^2 .*no such database/)
  assert.match(rejected("unsupported startup parameter: options"), /^2 .*leave options out of the URL$/)
})

it("the version of the tables is that of the pg-boss that is installed", () => {
  const manifest = JSON.parse(readFileSync(new URL("../node_modules/pg-boss/package.json", import.meta.url), "utf8"))
  assert.strictEqual(manifest.pgboss.schema, TABLES_VERSION)
})

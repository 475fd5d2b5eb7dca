/**
 * Looks at a database before anything is created in it: whether a fleet can be there, and whether the schema is of one.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import { exitCodes } from "../exitCodes.ts"
import { type Database, placeOf } from "./Database.ts"
import { quoted, READ_ONLY } from "./databaseProblem.ts"

/** The oldest server that pg-boss works with. */
const OLDEST = 13

/** The version of the tables of pg-boss, which it raises by itself where they are older. */
export const TABLES_VERSION = 46

/** What is done with a database. */
export type Role = "worker" | "operator" | "reader"

type Sql<E> = <Row extends object>(text: string, values: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<Row>, E>

interface Found {
  readonly server: number
  readonly shown: string
  readonly isReadOnly: boolean
  readonly mayCreateSchema: boolean
  /** Undefined on a row without a schema. */
  readonly hasSchema: boolean
  readonly mayUse: boolean
  readonly mayCreate: boolean
  readonly relations: number
  readonly hasQueue: boolean
  readonly isFleet: boolean
}

const LOOK = `SELECT current_setting('server_version_num')::int AS server, current_setting('server_version') AS shown,
    pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS "isReadOnly",
    has_database_privilege(current_database(), 'CREATE') AS "mayCreateSchema",
    n.oid IS NOT NULL AS "hasSchema",
    coalesce(has_schema_privilege(n.oid, 'USAGE'), false) AS "mayUse",
    coalesce(has_schema_privilege(n.oid, 'CREATE'), false) AS "mayCreate",
    (SELECT count(*)::int FROM pg_class c WHERE c.relnamespace = n.oid) AS relations,
    (SELECT count(*) = 3 FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname IN ('version', 'queue', 'job'))
      AS "hasQueue",
    EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'fleet_version') AS "isFleet"
  FROM (SELECT) AS one LEFT JOIN pg_namespace n ON n.nspname = $1`

/**
 * Rejects a server that is too old or cannot be written to, a role without rights, and a schema of something else or of a
 * newer version of this program.
 *
 * For a worker, creates the schema if there is none; for the others, rejects a schema without a fleet.
 */
export const checkDatabase = Effect.fn("checkDatabase")(function* <E>(
  sql: Sql<E>,
  database: Database,
  { queues, role, schema }: { readonly schema: string; readonly queues: ReadonlyArray<string>; readonly role: Role }
) {
  const problem = (exitCode: number, what: string, remedy: string) =>
    new AppError({ message: `the database ${database.name} at ${placeOf(database)}: ${what}; ${remedy}`, exitCode })
  const [found] = yield* sql<Found>(LOOK, [schema])
  if (found === undefined) return yield* Effect.die(new Error("the database does not say what it is"))
  const { usage, auth } = exitCodes
  if (found.server < OLDEST * 10_000) {
    return yield* problem(
      usage,
      `PostgreSQL ${found.shown} is too old`,
      `upgrade the server to ${OLDEST} or newer, or give another --database`
    )
  }
  if (found.isReadOnly && role !== "reader") return yield* problem(usage, READ_ONLY.what, READ_ONLY.remedy)
  const user = quoted(database.user)
  if (role !== "worker" && (!found.hasSchema || (found.mayUse && !found.isFleet))) {
    return yield* problem(
      usage,
      `there is no fleet in the schema ${schema}`,
      "start a worker first, or give the --database and the --database-schema of the workers"
    )
  }
  if (!found.hasSchema) {
    if (found.mayCreateSchema) {
      // Another worker may create it at the same time.
      yield* sql(
        `DO $$ BEGIN CREATE SCHEMA IF NOT EXISTS ${schema}; EXCEPTION WHEN unique_violation THEN NULL; END $$`,
        []
      )
      return
    }
    return yield* problem(
      auth,
      `${database.user} may not create the schema ${schema}`,
      `let an administrator do so: CREATE SCHEMA ${schema} AUTHORIZATION ${user}`
    )
  }
  if (!found.mayUse || (role === "worker" && !found.mayCreate)) {
    // The schema of a fleet must not change hands: its tables would stay with the other user.
    const remedy = {
      reader: `let an administrator do so: GRANT USAGE ON SCHEMA ${schema} TO ${user}; GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${user}`,
      operator: "connect as the user of the workers",
      worker:
        found.relations > 0
          ? "connect as the user of the other workers, or give another --database-schema"
          : `let an administrator do so: ALTER SCHEMA ${schema} OWNER TO ${user}, or give another --database-schema`
    }[role]
    return yield* problem(
      auth,
      `${database.user} may not ${found.mayUse ? "create tables in" : "use"} the schema ${schema}`,
      remedy
    )
  }
  if (found.relations === 0) return
  const foreign = problem(
    usage,
    `the schema ${schema} does not belong to a fleet`,
    "give another --database-schema, which need not exist yet"
  )
  if (!found.hasQueue) return yield* foreign
  const [tables] = yield* sql<{ readonly version: number }>(
    `SELECT max(version)::int AS version FROM ${schema}.version`,
    []
  )
  if ((tables?.version ?? 0) > TABLES_VERSION) {
    return yield* problem(
      usage,
      `the tables in the schema ${schema} were created by a newer version of this program`,
      "upgrade hb-sessions-export here too, to the same version everywhere"
    )
  }
  if (role !== "worker" && (tables?.version ?? 0) < TABLES_VERSION) {
    return yield* problem(
      usage,
      `the tables in the schema ${schema} were created by an older version of this program`,
      "upgrade the workers, which upgrade the tables, or use the version of the workers here"
    )
  }
  if (found.isFleet) return
  const others = yield* sql(`SELECT name FROM ${schema}.queue WHERE name <> ALL ($1) LIMIT 1`, [queues])
  if (others.length > 0) return yield* foreign
})

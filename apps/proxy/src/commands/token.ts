/**
 * `hb-sessions-proxy token`: the tokens that clients of the proxy have.
 */
import * as AppError from "@hb-sessions/app-kit/AppError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Lifetime, Overlap } from "../settings/SettingValues.ts"
import { generate, Scope, stateOf, type TokenList, type TokenRecord, TokenRecord as Record } from "../access/Token.ts"
import * as TokensFile from "../access/TokensFile.ts"

const ENV = "HB_SESSIONS_PROXY_TOKENS_FILE"

const tokensFile = Flag.String("tokens-file").pipe(
  Flag.withMetavar("file"),
  Flag.withDescription(`File with the hashes of the tokens (required; env: ${ENV})`),
  Flag.withFallbackConfig(Config.NonEmptyString(ENV))
)

const name = Flag.String("name").pipe(
  Flag.withSchema(Record.fields.name),
  Flag.withDescription("Who the token is for: letters, digits, dots, dashes and underscores")
)

const scope = Flag.Literals("scope", Scope.literals).pipe(
  Flag.withDescription("What the token allows (default: read)"),
  Flag.withDefault("read" as const)
)

const expires = Flag.String("expires").pipe(
  Flag.withMetavar("duration"),
  Flag.withSchema(Lifetime),
  Flag.withDescription("How long it can be used, such as 90d (default: for ever)"),
  Flag.optional
)

const statuses = Flag.String("statuses").pipe(
  Flag.withMetavar("list"),
  Flag.withDescription("The only statuses that may be asked for, separated by commas (default: all)"),
  Flag.optional
)

const rate = Flag.String("rate").pipe(
  Flag.withMetavar("number"),
  Flag.withSchema(Schema.FiniteFromString.check(Schema.isGreaterThan(0))),
  Flag.withDescription("Requests a second (default: that of the server)"),
  Flag.optional
)

const failed = (message: string) => new AppError.AppError({ message, exitCode: AppError.exitCodes.usage })

const notFound = (which: string) =>
  new AppError.AppError({
    message: `no usable token is called ${which}; hb-sessions-proxy token list shows them`,
    exitCode: AppError.exitCodes.notFound
  })

const withTokens = (list: TokenList, tokens: ReadonlyArray<TokenRecord>): TokenList => ({ ...list, tokens })

const told = "This token is shown once and kept nowhere: pass it on now."

const create = Command.make(
  "create",
  { name, scope, expires, statuses, rate, tokensFile },
  Effect.fn("token create")(function* (options) {
    const now = yield* Clock.currentTimeMillis
    const wanted = Option.map(options.statuses, (text) => text.split(",").map((status) => status.trim()))
    const [first, ...rest] = Option.getOrElse(wanted, (): ReadonlyArray<string> => [])
    if (Option.isSome(wanted) && wanted.value.some((status) => status === "")) {
      return yield* failed("--statuses holds an empty name; separate statuses by single commas")
    }
    const { record, token } = generate({
      name: options.name,
      scopes: [options.scope],
      createdAt: now,
      ...(first === undefined ? {} : { statuses: [first, ...rest] as const }),
      ...(Option.isNone(options.rate) ? {} : { rate: options.rate.value }),
      ...(Option.isNone(options.expires) ? {} : { expiresAt: now + Duration.toMillis(options.expires.value) })
    })
    yield* TokensFile.update(options.tokensFile, (list) =>
      list.tokens.some((known) => known.name === options.name && stateOf(known, now) === "active")
        ? Effect.fail(failed(`there is a token called ${options.name} already; use token rotate, or another name`))
        : Effect.succeed([undefined, withTokens(list, [...list.tokens, record])] as const)
    )
    yield* Console.log(token)
    yield* Console.error(told)
  })
).pipe(
  Command.withDescription("Make a token and print it, once, on stdout. Only its SHA-256 is kept."),
  Command.withExamples([
    {
      command: "hb-sessions-proxy token create --name team-a --scope read --expires 90d --tokens-file tokens.json",
      description: "Make the file, if need be, and a token for 90 days"
    }
  ])
)

const which = Flag.String("name").pipe(Flag.withDescription("Name or id of the token"))

const isCalled = (record: TokenRecord, text: string) => record.name === text || record.id === text

const list = Command.make(
  "list",
  {
    tokensFile,
    json: Flag.Boolean("json").pipe(Flag.withDescription("Print JSON (default: a table)"), Flag.withDefault(false))
  },
  Effect.fn("token list")(function* (options) {
    const now = yield* Clock.currentTimeMillis
    const { tokens } = yield* TokensFile.read(options.tokensFile)
    const rows = tokens.map((record) => describe(record, now))
    if (options.json) return yield* Console.log(JSON.stringify(rows, undefined, 2))
    return yield* Console.log(table(rows))
  })
).pipe(Command.withDescription("Show the tokens, without what proves them."))

const revoke = Command.make(
  "revoke",
  { name: which, tokensFile },
  Effect.fn("token revoke")(function* (options) {
    const now = yield* Clock.currentTimeMillis
    const ids = yield* TokensFile.update(options.tokensFile, (known) => {
      const hit = known.tokens.filter((record) => isCalled(record, options.name) && stateOf(record, now) === "active")
      const tokens = known.tokens.map((record) => (hit.includes(record) ? { ...record, revokedAt: now } : record))
      return hit.length === 0
        ? Effect.fail(notFound(options.name))
        : Effect.succeed([hit.map((record) => record.id), withTokens(known, tokens)] as const)
    })
    yield* Console.error(`revoked ${ids.join(", ")}; running servers notice within a second`)
  })
).pipe(Command.withDescription("End a token now. Running servers notice within a second."))

const overlap = Flag.String("overlap").pipe(
  Flag.withMetavar("duration"),
  Flag.withSchema(Overlap),
  Flag.withDescription("How long the old token can still be used, such as 24h (default: 0s)"),
  Flag.withDefault(Duration.zero)
)

const rotate = Command.make(
  "rotate",
  { name: which, overlap, expires, tokensFile },
  Effect.fn("token rotate")(function* (options) {
    const now = yield* Clock.currentTimeMillis
    const end = now + Duration.toMillis(options.overlap)
    const token = yield* TokensFile.update(options.tokensFile, (known) => {
      const old = known.tokens.findLast((record) => isCalled(record, options.name) && stateOf(record, now) === "active")
      if (old === undefined) return Effect.fail(notFound(options.name))
      const { id: _id, revokedAt: _revokedAt, sha256: _sha256, ...kept } = old
      const expiresAt = Option.match(options.expires, {
        // As long again as the old one had.
        onNone: () => (old.expiresAt === undefined ? undefined : now + (old.expiresAt - old.createdAt)),
        onSome: (duration) => now + Duration.toMillis(duration)
      })
      const { expiresAt: _expiresAt, ...rest } = kept
      const made = generate({ ...rest, createdAt: now, ...(expiresAt === undefined ? {} : { expiresAt }) })
      const tokens = known.tokens.map((record) =>
        record.name === old.name && stateOf(record, now) === "active"
          ? { ...record, revokedAt: Math.min(end, record.revokedAt ?? end) }
          : record
      )
      return Effect.succeed([made.token, withTokens(known, [...tokens, made.record])] as const)
    })
    yield* Console.log(token)
    yield* Console.error(told)
  })
).pipe(
  Command.withDescription("Make another token in the place of one, with the same name and rights, and print it."),
  Command.withExamples([
    {
      command: "hb-sessions-proxy token rotate --name team-a --overlap 24h --tokens-file tokens.json",
      description: "Give team-a a day to change over"
    }
  ])
)

const iso = (millis: number | undefined): string =>
  millis === undefined ? "never" : new Date(millis).toISOString().slice(0, 19) + "Z"

const describe = (record: TokenRecord, now: number) => ({
  id: record.id,
  name: record.name,
  state: stateOf(record, now),
  scopes: record.scopes.join(","),
  statuses: record.statuses?.join(",") ?? "all",
  rate: record.rate === undefined ? "default" : String(record.rate),
  created: iso(record.createdAt),
  expires: iso(record.revokedAt !== undefined && record.revokedAt > now ? record.revokedAt : record.expiresAt)
})

const table = (rows: ReadonlyArray<ReturnType<typeof describe>>): string => {
  const columns = ["id", "name", "state", "scopes", "statuses", "rate", "created", "expires"] as const
  const lines = [
    columns.map((column) => column.toUpperCase()),
    ...rows.map((row) => columns.map((column) => row[column]))
  ]
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

export const token = Command.make("token").pipe(
  Command.withDescription("Make, show, end and replace the tokens that clients of the proxy have."),
  Command.withSubcommands([create, list, revoke, rotate])
)

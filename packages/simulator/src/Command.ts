/**
 * The command `hb-sessions-simulator`.
 */
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { parseChurnRates } from "./Churn.ts"
import { faultKinds, parseFaultRates, parseFaultRule } from "./Faults.ts"
import { parseMillis, parseMillisRange } from "./internal/parse.ts"
import { defaults } from "./SessionGenerator.ts"
import { defaultApiKey, Simulator } from "./Simulator.ts"
import { defaultVariants } from "./Variants.ts"
import { listOrders } from "./World.ts"

/** The simulator could not start; the process exits with 1. */
export class StartError extends Schema.TaggedError<StartError>()("StartError", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
  override readonly [Runtime.errorReported] = false
}

/** Reads the text of a flag; what is wrong with it becomes the message. */
const parsed = <A, B>(flag: Flag.Flag<A>, name: string, parse: (input: A) => Result.Result<B, string>) =>
  flag.pipe(
    Flag.mapEffect((input) =>
      Effect.mapError(
        Effect.fromResult(parse(input)),
        (message) => new CliError.ValidationError({ message: `--${name}: ${message}` })
      )
    )
  )

const text = (name: string, metavar: string) => Flag.String(name).pipe(Flag.withMetavar(metavar))

const number = (name: string, options: { readonly min: number; readonly max: number; readonly whole: boolean }) =>
  parsed(text(name, options.whole ? "integer" : "number"), name, (input) => {
    const value = input.trim() === "" ? Number.NaN : Number(input)
    return value >= options.min && value <= options.max && (Number.isInteger(value) || !options.whole)
      ? Result.succeed(value)
      : Result.fail(
          `"${input}" does not fit; give ${options.whole ? "a whole" : "a"} number from ${options.min} to ${options.max}`
        )
  })

const whole = (name: string, min: number, max: number) => number(name, { min, max, whole: true })

const share = (name: string) => number(name, { min: 0, max: 1, whole: false })

const millis = (name: string) => parsed(text(name, "time"), name, parseMillis)

const contents = {
  sessions: whole("sessions", 0, 50_000_000).pipe(
    Flag.withDescription(`Sessions in the list at the start (default ${defaults.sessions})`),
    Flag.withDefault(defaults.sessions)
  ),
  seed: text("seed", "text").pipe(
    Flag.withDescription(`Everything random is drawn from it (default ${defaults.seed})`),
    Flag.withDefault(defaults.seed)
  ),
  order: Flag.Literals("order", listOrders).pipe(
    Flag.withDescription("Order of the list (default created-desc)"),
    Flag.withDefault("created-desc")
  ),
  days: whole("days", 1, 3650).pipe(
    Flag.withDescription("Days over which the sessions lie (default 90)"),
    Flag.withDefault(90)
  ),
  teams: whole("teams", 1, 100_000).pipe(
    Flag.withDescription("Teams that own the sessions (default 4)"),
    Flag.withDefault(4)
  ),
  activeShare: share("active-share").pipe(
    Flag.withDescription("Share of the sessions that are active (default 0.1)"),
    Flag.withDefault(0.1)
  ),
  errorShare: share("error-share").pipe(
    Flag.withDescription("Share of the ended sessions in status error (default 0.05)"),
    Flag.withDefault(0.05)
  ),
  closeErrorShare: share("close-error-share").pipe(
    Flag.withDescription("Share of the ended sessions in status close-error, not in the contract (default 0)"),
    Flag.withDefault(0)
  )
}

const variants = {
  pageSize: whole("page-size", 1, 10_000).pipe(
    Flag.withDescription(`Sessions a page when the query has no limit (default ${defaultVariants.pageSize})`),
    Flag.withDefault(defaultVariants.pageSize)
  ),
  maxLimit: whole("max-limit", 1, 10_000).pipe(
    Flag.withDescription(`Largest limit that is honoured (default ${defaultVariants.maxLimit})`),
    Flag.withDefault(defaultVariants.maxLimit)
  ),
  ignoreLimit: Flag.Boolean("ignore-limit").pipe(
    Flag.withDescription("Ignore the query parameter limit (default off)"),
    Flag.withDefault(false)
  ),
  pageSizeField: Flag.Literals("page-size-field", ["pageSize", "perPage", "none"]).pipe(
    Flag.withDescription("Name of the page size in an answer (default pageSize)"),
    Flag.withDefault(defaultVariants.pageSizeField)
  ),
  timestamps: Flag.Literals("timestamps", ["text", "number"]).pipe(
    Flag.withDescription("How startTime and endTime are written (default text)"),
    Flag.withDefault(defaultVariants.timestamps)
  ),
  pastEnd: Flag.Literals("past-end", ["empty", "error", "clamp"]).pipe(
    Flag.withDescription("A page past the last: no rows, HTTP 400, or the last page (default empty)"),
    Flag.withDefault(defaultVariants.pastEnd)
  ),
  firstPage: whole("first-page", 0, 1).pipe(
    Flag.withDescription("The number that answers give the first page, which is asked for as 1 either way (default 1)"),
    Flag.withDefault(defaultVariants.firstPage)
  ),
  totalRead: Flag.Literals("total-read", ["atomic", "before", "after"]).pipe(
    Flag.withDescription("When totalCount is read: with, before or after the rows (default atomic)"),
    Flag.withDefault(defaultVariants.totalRead)
  ),
  extraFields: Flag.Boolean("extra-fields").pipe(
    Flag.withDescription("Add keys that the contract does not name (default off)"),
    Flag.withDefault(false)
  )
}

const trouble = {
  latency: parsed(text("latency", "time"), "latency", parseMillisRange).pipe(
    Flag.withDescription("Time until an answer: 20ms, or 20ms..50ms (default 0ms)"),
    Flag.withDefault([0, 0] as const)
  ),
  churn: parsed(text("churn", "rates"), "churn", parseChurnRates).pipe(
    Flag.withDescription("Mean changes per request: start=0.05,end=0.05,purge=0.01,update=0 (default none)"),
    Flag.withDefault({})
  ),
  churnInterval: millis("churn-interval").pipe(
    Flag.withDescription("Time between two steps of --churn, such as 1s (default a step per request)"),
    Flag.optional
  ),
  faults: parsed(text("faults", "rates"), "faults", parseFaultRates).pipe(
    Flag.withDescription(
      `Share of requests for each fault: 429=0.05,reset=0.01 (default none; known: ${faultKinds.join(", ")})`
    ),
    Flag.withDefault({})
  ),
  fault: Flag.atLeast(parsed(text("fault", "rule"), "fault", parseFaultRule), 0).pipe(
    Flag.withDescription(
      `A rule that goes before --faults, repeatable: "page=7 nth=3 reset", "status=active nth=2..4 500" (default none)`
    )
  ),
  retryAfter: millis("retry-after").pipe(
    Flag.withDescription("Retry-After of 429 answers, in whole seconds on the wire (default 1s)"),
    Flag.withDefault(1000)
  ),
  slowBody: millis("slow-body").pipe(
    Flag.withDescription("Time that the body of a slow answer takes (default 1s)"),
    Flag.withDefault(1000)
  )
}

const server = {
  apiKey: text("api-key", "text").pipe(
    Flag.withDescription(`The only x-api-key that is accepted (default ${defaultApiKey})`),
    Flag.withDefault(defaultApiKey)
  ),
  host: text("host", "address").pipe(
    Flag.withDescription("Address to listen on (default 127.0.0.1)"),
    Flag.withDefault("127.0.0.1")
  ),
  port: whole("port", 0, 65_535).pipe(
    Flag.withDescription("Port to listen on, 0 for a free one (default 4010)"),
    Flag.withDefault(4010)
  ),
  stats: Flag.Boolean("stats").pipe(Flag.withDescription("Answer GET /__stats (default off)"), Flag.withDefault(false))
}

/** Serves until it is interrupted; the first line of stdout is JSON with `url`, `sessions` and `seed`. */
export const command = Command.make(
  "hb-sessions-simulator",
  { ...contents, ...variants, ...trouble, ...server },
  Effect.fnUntraced(function* ({
    churnInterval,
    fault,
    faults,
    latency: [min, max],
    retryAfter,
    slowBody,
    ...options
  }) {
    const simulator = Simulator.layer({
      ...options,
      latency: { min, max },
      churnInterval: Option.getOrUndefined(churnInterval),
      faults: { rates: faults, script: fault, retryAfter, slowBody }
    })
    const { host, port, seed, sessions } = options
    return yield* Simulator.use(({ url }) => Console.log(JSON.stringify({ url, sessions, seed }))).pipe(
      Effect.andThen(Effect.never),
      Effect.provide(simulator),
      Effect.catchTag("ServeError", ({ cause }) => Effect.fail(cannotListen(`${host}:${port}`, cause)))
    )
  })
).pipe(
  Command.withDescription("A stand-in for Hyperbrowser's API: GET /api/sessions, repeatable from a seed."),
  Command.withExamples([
    { command: "hb-sessions-simulator --port 0 --sessions 1000000", description: "A million sessions on a free port" },
    {
      command: `hb-sessions-simulator --churn start=0.05,end=0.05 --fault "page=7 nth=3 reset" --stats`,
      description: "A list that changes, and a connection that is reset once"
    }
  ])
)

const cannotListen = (address: string, cause: unknown): StartError => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error"
  return new StartError({
    message: `cannot listen on ${address} (${code}); choose another --port, or 0 for a free one`
  })
}

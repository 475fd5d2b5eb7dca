/**
 * The main job, end to end: list, export and serve the sessions of a realistic upstream.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Bin from "@hb-sessions/app-kit/Bin"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { parse } from "csv-parse/sync"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const SESSIONS = 2000

/** Whether the proxy with its page, and the simulator behind it, go on until they are interrupted. */
const isKept = process.argv.includes("--serve")

const bin = (name: string): string => fileURLToPath(import.meta.resolve(`${name}/dist/bin.js`))

const cli = bin("@hb-sessions/cli")
const exporter = bin("@hb-sessions/export")
const proxy = bin("@hb-sessions/proxy")

class StepFailed extends Data.TaggedError("StepFailed")<{ readonly message: string }> {}

const Listening = Schema.fromJsonString(Schema.Struct({ url: Schema.String }))
const Page = Schema.Struct({ sessions: Schema.Array(Schema.Unknown), totalCount: Schema.Int })

/** Runs an app and expects success. */
const step = Effect.fnUntraced(function* (title: string, file: string, args: ReadonlyArray<string>, env: Bin.Env) {
  yield* Console.log(`\n$ ${title} ${args.join(" ")}`)
  const { code, stderr, stdout } = yield* Bin.run(file, args, env)
  if (code !== 0) return yield* new StepFailed({ message: `${title} exited with ${code}: ${stderr.trim()}` })
  yield* Console.log(stdout.trimEnd())
})

/** Serves through the proxy until the scope closes. */
const throughProxy = Effect.gen(function* () {
  const simulator = yield* Simulator
  const tokensFile = join(mkdtempSync(join(tmpdir(), "hb-sessions-demo-")), "tokens.json")
  const create = ["token", "create", "--name", "demo", "--expires", "1h", "--tokens-file", tokensFile]
  yield* Console.log(`\n$ hb-sessions-proxy ${create.join(" ")}`)
  const created = yield* Bin.run(proxy, create)
  if (created.code !== 0) return yield* new StepFailed({ message: `no token was made: ${created.stderr.trim()}` })
  const token = created.stdout.trim()
  yield* Console.log(`${token.slice(0, 20)}…`)
  const serve = ["serve", "--port", "0", "--tokens-file", tokensFile]
  yield* Console.log(`$ hb-sessions-proxy ${serve.join(" ")}`)
  const started = yield* Bin.start(proxy, serve, environment(simulator)).pipe(
    Effect.mapError(({ stderr }) => new StepFailed({ message: `the proxy did not start: ${stderr.trim()}` }))
  )
  const { url } = yield* Schema.decodeEffect(Listening)(started.firstLine)
  yield* Console.log(`$ curl -H "x-api-key: $TOKEN" ${url}/api/sessions?page=2    (the proxy adds the API key)`)
  const body = yield* Effect.promise(() =>
    fetch(`${url}/api/sessions?page=2`, { headers: { "x-api-key": token } }).then((response) => response.json())
  )
  const page = yield* Schema.decodeUnknownEffect(Page)(body)
  yield* Console.log(`page 2 holds ${page.sessions.length} of ${page.totalCount} sessions`)
  return { url, token, stop: started.stop("SIGTERM") }
})

const environment = ({ apiKey, url }: Simulator["Service"]): Bin.Env => ({
  HYPERBROWSER_API_KEY: apiKey,
  HYPERBROWSER_BASE_URL: url
})

const demo = Effect.gen(function* () {
  const simulator = yield* Simulator
  const env = environment(simulator)
  yield* Console.log(`A simulator of the vendor's API serves ${SESSIONS} sessions on ${simulator.url}.`)
  yield* step("hb-sessions", cli, ["list", "--limit", "8", "--format", "table"], env)
  const directory = mkdtempSync(join(tmpdir(), "hb-sessions-demo-"))
  yield* step("hb-sessions-export", exporter, ["run", "--out", directory], env)
  const { stop, token, url } = yield* throughProxy
  const file = join(directory, "sessions.csv")
  const rows: ReadonlyArray<unknown> = parse(readFileSync(file), { columns: true })
  // Those that started meanwhile are in it too.
  if (isKept ? rows.length < SESSIONS : rows.length !== SESSIONS) {
    return yield* new StepFailed({ message: `${file} holds ${rows.length} sessions, not ${SESSIONS}` })
  }
  const page = `${url}/dashboard`
  if (!isKept) {
    yield* Console.log(`\nThe proxy's page was at ${page}; with --serve it stays there until Ctrl-C.`)
    yield* stop
  }
  yield* Console.log(`\ndemo ok: ${rows.length} sessions exported to ${file}`)
  if (!isKept) return
  yield* Console.log(`\nOpen ${page} and paste this token, which ends in an hour:\n${token}\nCtrl-C ends the demo.`)
  return yield* Effect.never
}).pipe(Effect.scoped)

// Sessions start and end while the page is looked at.
const living = { churn: { start: 0.4, end: 0.4 }, churnInterval: "2 seconds" } as const

demo.pipe(Effect.provide(Simulator.layer({ sessions: SESSIONS, ...(isKept ? living : {}) })), NodeRuntime.runMain)

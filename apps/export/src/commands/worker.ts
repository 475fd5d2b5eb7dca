/**
 * `hb-sessions-export worker`
 */
import { flagsOf, read } from "@hb-sessions/app-kit/Setting"
import * as Command from "effect/cli/Command"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { hostname } from "node:os"
import manifest from "../../package.json" with { type: "json" }
import * as AccountState from "../fleet/AccountState.ts"
import * as DatabaseHealth from "../fleet/DatabaseHealth.ts"
import * as Listener from "../fleet/Listener.ts"
import { Queue } from "../fleet/Queue.ts"
import * as Worker from "../fleet/Worker.ts"
import * as WorkerStatus from "../fleet/WorkerStatus.ts"
import * as Notify from "../operations/Notify.ts"
import { databaseConfig, layerSettings } from "../settings/configs.ts"
import { within } from "../settings/accounts.ts"
import { withLog, withSettings } from "../settings/environment.ts"
import {
  accountSettings,
  databaseSettings,
  parallelSettings,
  runSettings,
  scheduleSettings,
  workerSettings
} from "../settings/runSettings.ts"
import { exportAccount } from "./run.ts"

/** Makes traces of runs; what they need is loaded where the environment asks for them. */
const tracesOf = Effect.fnUntraced(function* (version: string, worker: string) {
  const exporter = yield* Config.option(Config.String("OTEL_TRACES_EXPORTER"))
  if (!Option.contains(exporter, "otlp")) return <A, E, R>(_: string, run: Effect.Effect<A, E, R>) => run
  const traces = yield* Effect.promise(() => import("../fleet/traces.ts"))
  const context = yield* Layer.build(traces.layer(version, worker))
  return <A, E, R>(account: string, run: Effect.Effect<A, E, R>) =>
    Effect.provideContext(traces.traced(account, run), context)
})

/** For what is asked of the database beside the polling. */
const CONNECTIONS = 4

const { accounts } = accountSettings
const { cron, jitter, onMissed } = scheduleSettings

export const runWorker = Command.make(
  "worker",
  flagsOf({
    accounts,
    ...databaseSettings,
    ...parallelSettings,
    ...workerSettings,
    cron,
    onMissed,
    jitter,
    ...runSettings
  }),
  Effect.fnUntraced(
    function* (given) {
      const { metricsHost, metricsPort, parallel, ...settings } = yield* read(
        { ...parallelSettings, ...workerSettings },
        given
      )
      const database = yield* databaseConfig
      const id = (yield* Random.nextIntBetween(0, 36 ** 4)).toString(36).padStart(4, "0")
      const name = `${hostname()}:${process.pid}/${id}`
      const { version } = manifest
      const status = yield* WorkerStatus.make({ name, parallel, version })
      if (metricsPort !== undefined) {
        const url = yield* Listener.listen({ host: metricsHost, port: metricsPort, reply: status.reply })
        yield* Effect.logInfo(`listening on ${url}: /metrics, /healthz, /readyz`)
      }
      const tracing = yield* tracesOf(version, name)
      const options: Worker.WorkerOptions<Effect.Services<ReturnType<typeof exportAccount>>> = {
        ...settings,
        name,
        given,
        parallel,
        exportAccount: (one) => tracing(one.account.name, status.watch(exportAccount(one))),
        checkStaleness: ({ account, given: own }, waited) =>
          Effect.flatMap(Notify.make({ account: account.name, waited }), (notifier) => notifier.checkStaleness).pipe(
            withSettings(own),
            within(account),
            // What is wrong with its settings is told of its runs.
            Effect.ignore
          ),
        tell: (one, failure) => Effect.ignore(Notify.watchStart(one.given, one.account.name)(Effect.fail(failure)))
      }
      const queue = Queue.layer({ ...database, connections: CONNECTIONS, onError: () => {} })
      return yield* Effect.gen(function* () {
        yield* AccountState.prepare()
        const health = yield* DatabaseHealth.make()
        yield* status.connected(health)
        yield* Worker.run(options, health)
      }).pipe(
        Effect.catchTag("QueueError", (error) =>
          Effect.flatMap(Queue, ({ problemOf }) => Effect.fail(problemOf(error)))
        ),
        Effect.provide(queue)
      )
    },
    Effect.scoped,
    (self, given) => self.pipe(withLog(given), Effect.provide(layerSettings(given)))
  )
).pipe(
  Command.withDescription(
    "Run the exports of many accounts, each on its own schedule, beside other workers on other machines: they share a PostgreSQL database, and each account runs on one of them at a time. SIGTERM saves checkpoints, hands the jobs to the other workers and exits with code 143."
  ),
  Command.withExamples([
    {
      command:
        "hb-sessions-export worker --accounts accounts.toml --out 's3://exports/{account}' --cron @daily --database postgres://exports@db/fleet",
      description: "Work for a fleet; start as many workers as are needed"
    }
  ])
)

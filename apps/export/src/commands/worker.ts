/**
 * `hb-sessions-export worker`
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import { flagsOf, read } from "@hb-sessions/app-kit/Setting"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { hostname } from "node:os"
import { exitCodes } from "../exitCodes.ts"
import * as AccountState from "../fleet/AccountState.ts"
import * as DatabaseHealth from "../fleet/DatabaseHealth.ts"
import { Queue } from "../fleet/Queue.ts"
import * as Worker from "../fleet/Worker.ts"
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
      const { parallel, ...settings } = yield* read({ ...parallelSettings, ...workerSettings }, given)
      const database = yield* databaseConfig
      const id = (yield* Random.nextIntBetween(0, 36 ** 4)).toString(36).padStart(4, "0")
      const options: Worker.WorkerOptions<Effect.Services<ReturnType<typeof exportAccount>>> = {
        ...settings,
        name: `${hostname()}:${process.pid}/${id}`,
        given,
        parallel,
        exportAccount,
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
        yield* Worker.run(options, yield* DatabaseHealth.make())
      }).pipe(
        Effect.provide(queue),
        Effect.catchTag("QueueError", ({ message }) =>
          Effect.fail(new AppError({ message: `the database failed: ${message}`, exitCode: exitCodes.unavailable }))
        )
      )
    },
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

/**
 * What one writes instead of `worker`: a queue of pg-boss whose jobs export by a loop, with no state of accounts, no
 * lease, no proof and no publication.
 */
import { join } from "node:path"
import { PgBoss } from "pg-boss"
import { exportByHand } from "./exportByHand.ts"
import { PLAIN_QUEUE, type PlainJob } from "./plainJobs.ts"

const {
  DATABASE = "",
  DIRECTORY = "",
  HYPERBROWSER_API_KEY = "",
  HYPERBROWSER_BASE_URL = "",
  SCHEMA = ""
} = process.env

const boss = new PgBoss({ connectionString: DATABASE, schema: SCHEMA })
boss.on("error", (error) => console.error(error.message))
await boss.start()
await boss.createQueue(PLAIN_QUEUE)
// Two exports at a time; what is polled for more often than every half second, pg-boss does not take.
await boss.work<PlainJob>(PLAIN_QUEUE, { localConcurrency: 2, pollingIntervalSeconds: 0.5 }, async (jobs) => {
  for (const { data } of jobs) {
    await exportByHand({
      url: HYPERBROWSER_BASE_URL,
      apiKey: HYPERBROWSER_API_KEY,
      pageSize: 10,
      concurrency: 1,
      file: join(DIRECTORY, `${data.account}.csv`)
    })
  }
})
console.error("the worker is ready: ")

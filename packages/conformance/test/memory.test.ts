import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, it } from "@effect/vitest"
import { TELL_MEMORY, toldMemory } from "@hb-sessions/app-kit/tellMemory"
import { ScanReport } from "@hb-sessions/core/ScanReport"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect, Schema } from "effect"
import { IdTable } from "../../core/src/internal/scan/IdTable.ts"
import { makeRandom } from "../src/random.ts"
import { isFull } from "../src/settings.ts"

const Result = Schema.Struct({ count: Schema.Int, bytesPerId: Schema.Finite, report: ScanReport })
const decode = Schema.decodeEffect(Schema.fromJsonString(Result))
const program = fileURLToPath(new URL("../src/manySessions.ts", import.meta.url))
const run = promisify(execFile)

/** A read takes some 25 MB of heap, however long the list is: what is kept of each session in the heap has no room here. */
const [SESSIONS, HEAP] = isFull ? [1_000_000, 96] : [250_000, 44]

for (const { certificate, flags } of [
  { certificate: "count" as const, flags: [] },
  { certificate: "moment" as const, flags: ["--filtered"] }
]) {
  it.live(
    `reads ${SESSIONS} sessions in ${HEAP} MB of heap and 48 bytes each, proven by ${certificate}`,
    () =>
      Effect.gen(function* () {
        const { stdout } = yield* Effect.promise(() =>
          run(process.execPath, [`--max-old-space-size=${HEAP}`, "--expose-gc", program, String(SESSIONS), ...flags])
        )
        const { bytesPerId, count, report } = yield* decode(stdout)
        assert.strictEqual(count, SESSIONS)
        assert.deepInclude(report.completeness, { status: "proven", certificate })
        assert.isAtMost(bytesPerId, 48)
      }),
    300_000
  )
}

it.live(
  "gives pages up before they grow old",
  () =>
    Effect.gen(function* () {
      const { apiKey, url } = yield* Simulator
      const env = { PATH: process.env["PATH"], HYPERBROWSER_API_KEY: apiKey, HYPERBROWSER_BASE_URL: url }
      const reader = fileURLToPath(new URL("../src/streamAll.ts", import.meta.url))
      const { stderr, stdout } = yield* Effect.promise(() =>
        run(process.execPath, [TELL_MEMORY, "--max-semi-space-size=8", reader], { env })
      )
      assert.strictEqual(stdout, "60000\n")
      // Two thirds are the program itself. Pages that garbage keeps would make it 50.
      assert.isAtMost(toldMemory(stderr).aged, 35)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 60_000 })), Effect.scoped),
  60_000
)

it("never holds more than 48 bytes for an id, however many there are", { timeout: 120_000 }, () => {
  const random = makeRandom(1)
  const table = new IdTable()
  let most = 0
  for (let count = 1; count <= 500_000; count++) {
    table.record(random.uuid(), count, count)
    if (count >= 5000 && count % 500 === 0) most = Math.max(most, table.bytes / table.size)
  }
  assert.isAtMost(most, 48)
})

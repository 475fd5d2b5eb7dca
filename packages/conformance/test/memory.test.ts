import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, it } from "@effect/vitest"
import { ScanReport } from "@hb-sessions/core/ScanReport"
import { Effect, Schema } from "effect"
import { IdTable } from "../../core/src/internal/scan/IdTable.ts"
import { makeRandom } from "../src/random.ts"

const Result = Schema.Struct({ count: Schema.Int, bytesPerId: Schema.Finite, report: ScanReport })
const decode = Schema.decodeEffect(Schema.fromJsonString(Result))
const program = fileURLToPath(new URL("../src/millionSessions.ts", import.meta.url))
const run = promisify(execFile)

for (const { certificate, flags } of [
  { certificate: "count" as const, flags: [] },
  { certificate: "moment" as const, flags: ["--filtered"] }
]) {
  it.live(
    `reads a million sessions in 96 MB of heap and 48 bytes each, proven by ${certificate}`,
    () =>
      Effect.gen(function* () {
        const { stdout } = yield* Effect.promise(() =>
          run(process.execPath, ["--max-old-space-size=96", "--expose-gc", program, ...flags])
        )
        const { bytesPerId, count, report } = yield* decode(stdout)
        assert.strictEqual(count, 1_000_000)
        assert.deepInclude(report.completeness, { status: "proven", certificate })
        assert.isAtMost(bytesPerId, 48)
      }),
    300_000
  )
}

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

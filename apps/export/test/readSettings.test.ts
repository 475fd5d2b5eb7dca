import { assert, describe, it } from "@effect/vitest"
import { ApiKey } from "@hb-sessions/app-kit/ApiKey"

import { ConfigProvider, Duration, Effect, FileSystem, Layer, Path } from "effect"
import { layerDestination } from "../src/settings/destination.ts"
import { readSettings } from "../src/settings/readSettings.ts"
import { differences } from "../src/settings/Selection.ts"

const read = (more: Readonly<Record<string, string>>) => {
  const env = { HYPERBROWSER_API_KEY: "key", HB_SESSIONS_EXPORT_OUT: "/out", ...more }
  return Effect.scoped(Layer.build(layerDestination)).pipe(
    Effect.andThen(readSettings),
    Effect.provide([ApiKey.layerConfig, FileSystem.layerNoop({}), Path.layer]),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
  )
}

const rejected = (more: Readonly<Record<string, string>>) =>
  Effect.map(Effect.flip(read(more)), ({ message }) => message)

describe("settings", () => {
  it.effect("have safe defaults", () =>
    Effect.gen(function* () {
      const { checkpointEvery, compactAfter, keep, maxQuarantine, minShare, selection } = yield* read({})
      assert.deepStrictEqual([keep, compactAfter, minShare, maxQuarantine], [2, 30, 0.5, 0.001])
      assert.strictEqual(Duration.toMillis(checkpointEvery), 10_000)
      assert.deepStrictEqual(
        [selection.mode, selection.format, selection.columns.length, selection.server],
        ["snapshot", "csv", 33, "https://api.hyperbrowser.ai/"]
      )
    })
  )

  it.effect("compress Parquet unless told otherwise, and no other format", () =>
    Effect.gen(function* () {
      const compressed = (format: string, more: Readonly<Record<string, string>> = {}) =>
        Effect.map(read({ HB_SESSIONS_EXPORT_FORMAT: format, ...more }), ({ selection }) => selection.compress)
      assert.deepStrictEqual(
        [
          yield* compressed("csv"),
          yield* compressed("ndjson"),
          yield* compressed("parquet"),
          yield* compressed("parquet", { HB_SESSIONS_EXPORT_COMPRESS: "none" }),
          yield* compressed("parquet", { HB_SESSIONS_EXPORT_COMPRESS: "snappy" })
        ],
        ["none", "none", "zstd", "none", "snappy"]
      )
    })
  )

  it.effect("are normalised: statuses sorted and unique, * expanded later, percentages as shares", () =>
    Effect.gen(function* () {
      const { fullEvery, minShare, selection } = yield* read({
        HB_SESSIONS_EXPORT_STATUS: "error, closed,error",
        HB_SESSIONS_EXPORT_COLUMNS: "id,*",
        HB_SESSIONS_EXPORT_MIN_SHARE: "12.5%",
        HB_SESSIONS_EXPORT_FULL_EVERY: "never"
      })
      assert.deepStrictEqual(selection.status, ["closed", "error"])
      assert.deepStrictEqual(selection.columnsAsked, ["id", "*"])
      assert.deepStrictEqual([minShare, Duration.isFinite(fullEvery)], [0.125, false])
    })
  )

  const contradictions: ReadonlyArray<readonly [Readonly<Record<string, string>>, string]> = [
    [{ HB_SESSIONS_EXPORT_OUT: "gs://bucket/path" }, "or s3://bucket/prefix, not gs://…"],
    [{ HB_SESSIONS_EXPORT_SINCE: "1d", HB_SESSIONS_EXPORT_UNTIL: "2d" }, "--since must be before --until"],
    [{ HB_SESSIONS_EXPORT_FORMAT: "ndjson", HB_SESSIONS_EXPORT_DIALECT: "spreadsheet" }, "applies to CSV only"],
    [{ HB_SESSIONS_EXPORT_FORMAT: "parquet", HB_SESSIONS_EXPORT_DIALECT: "spreadsheet" }, "applies to CSV only"],
    [{ HB_SESSIONS_EXPORT_COMPRESS: "snappy" }, "applies to Parquet only"],
    [{ HB_SESSIONS_EXPORT_MODE: "incremental", HB_SESSIONS_EXPORT_COLUMNS: "status" }, "needs the column id"],
    [{ HB_SESSIONS_EXPORT_STATUS: " , " }, "--status lists no status"],
    [{ HB_SESSIONS_EXPORT_TZ: "Mars/Olympus" }, "not a time zone"],
    [{ HB_SESSIONS_EXPORT_TAKE_OVER_AFTER: "14s" }, "must be at least 15s"]
  ]
  it.effect("that contradict each other are rejected with the reason", () =>
    Effect.gen(function* () {
      for (const [more, reason] of contradictions) assert.include(yield* rejected(more), reason)
    })
  )
})

describe("a published selection", () => {
  it.effect("may change its format as a snapshot, and nothing as an incremental export", () =>
    Effect.gen(function* () {
      const ndjson = { HB_SESSIONS_EXPORT_FORMAT: "ndjson" }
      const incremental = { HB_SESSIONS_EXPORT_MODE: "incremental" }
      const named = (was: Readonly<Record<string, string>>, is: Readonly<Record<string, string>>) =>
        Effect.map(Effect.all([read(was), read(is)]), ([published, given]) =>
          differences(published.selection, given.selection).map(({ name }) => name)
        )
      assert.deepStrictEqual(yield* named({}, { ...ndjson, HB_SESSIONS_EXPORT_TZ: "Europe/Paris" }), [])
      assert.deepStrictEqual(yield* named({}, { HB_SESSIONS_EXPORT_STATUS: "closed" }), ["--status"])
      assert.deepStrictEqual(yield* named(incremental, { ...incremental, ...ndjson }), ["--format"])
      assert.deepStrictEqual(yield* named(incremental, {}), ["--mode"])
    })
  )
})

/**
 * The accounts file of a worker, while something writes it.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import { ConfigProvider, Effect, Fiber } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as AccountsFile from "../src/fleet/AccountsFile.ts"
import { scratch } from "./support.ts"

it.live("is read once it is written whole", () =>
  Effect.gen(function* () {
    const file = join(yield* scratch, "accounts.toml")
    const write = (names: ReadonlyArray<string>, comment = "") =>
      writeFileSync(
        file,
        `[defaults]\nout = "out/{account}"\n${names.map((name) => `[accounts.${name}]\napi_key_file = "key"\n`).join("")}# ${comment}`
      )
    write(["team-a", "team-b"])
    const env = { HB_SESSIONS_EXPORT_ACCOUNTS: file }
    const { first, next } = yield* AccountsFile.open({}).pipe(
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
    )
    assert.deepStrictEqual([...first.keys()], ["team-a", "team-b"])
    const changed = yield* Effect.forkChild(
      Effect.provideService(next, ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
    )
    // A slow writer, beyond the first look.
    for (let piece = 0; piece < 50; piece++) {
      write(["team-a"], String(piece))
      yield* Effect.sleep("50 millis")
    }
    write(["team-a", "team-b", "team-c"])
    assert.deepStrictEqual([...(yield* Fiber.join(changed)).keys()], ["team-a", "team-b", "team-c"])
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
)

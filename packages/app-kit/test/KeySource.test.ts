import { assert, describe, it } from "@effect/vitest"
import { RejectedApiKey } from "@hb-sessions/core/RejectedApiKey"
import { ConfigProvider, Effect, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { execFileSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { toAppError } from "../src/AppError.ts"
import * as ApiKey from "../src/ApiKey.ts"
import * as KeySource from "../src/KeySource.ts"
import { directory } from "./support.ts"

const make = Effect.fnUntraced(function* (text: string | Uint8Array | undefined) {
  const file = join(yield* directory, "key")
  if (text !== undefined) writeFileSync(file, text)
  const told: Array<string> = []
  const source = KeySource.fromFile("KEY_FILE", file)
  const read = source.read.pipe(
    Effect.map(Redacted.value),
    Effect.provideService(KeySource.Tell, (level, line) => Effect.sync(() => void told.push(`${level} ${line}`)))
  )
  return { file, source, told, read }
})

/** How often this process has read from anything; 0 where the system does not tell. */
const readCalls = (): number =>
  existsSync("/proc/self/io") ? Number(/^syscr: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1]) : 0

/** So long that the file is looked at again. */
const aWhile = TestClock.adjust("1 second")

describe("a key in a file", () => {
  for (const [name, text] of [
    ["as it is", "hb_key"],
    ["without its line end", "hb_key\n"],
    ["without the line end of Windows", "hb_key\r\n"],
    ["without blanks around it", " hb_key \n\n"],
    ["without a byte order mark", "\u{FEFF}hb_key\n"]
  ] as const) {
    it.effect(`is read ${name}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* (yield* make(text)).read, "hb_key")
      }).pipe(Effect.scoped)
    )
  }

  it.effect("that appears is read at once", () =>
    Effect.gen(function* () {
      const { file, read } = yield* make(undefined)
      const error = yield* Effect.flip(read)
      assert.match(error.message, /does not exist|no such file/i)
      assert.strictEqual((yield* Effect.flip(read)).message, error.message)
      writeFileSync(file, "hb_key")
      assert.strictEqual(yield* read, "hb_key")
    }).pipe(Effect.scoped)
  )

  for (const [name, text, problem] of [
    ["that is empty", "", "it is empty; write the key into it"],
    ["with nothing but blanks", "\n \n", "it is empty; write the key into it"],
    ["with two lines", "hb_one\nhb_two\n", "it holds more than one line; name a file that holds only the key"],
    ["with a space in it", "hb one", "it holds a space or a character that no key has"],
    ["with another alphabet", "hb_ключ", "it holds a space or a character that no key has"],
    [
      "with binary content",
      Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0]),
      "it holds a space or a character that no key has"
    ],
    ["in UTF-16", Buffer.from("\u{FEFF}hb_key", "utf16le"), "it is text in UTF-16; write it in UTF-8"],
    ["in Latin-1", Buffer.from("schlüssel", "latin1"), "it is not text in UTF-8; name a file that holds only the key"],
    ["that is too large", "k".repeat(64 * 1024 + 1), "it is larger than 64 KiB; name a file that holds only the key"]
  ] as const) {
    it.effect(`is a mistake of the user in one ${name}`, () =>
      Effect.gen(function* () {
        const { file, read, source } = yield* make(text)
        const { exitCode, message } = yield* Effect.flip(read)
        assert.strictEqual(exitCode, 2)
        assert.isTrue(message.startsWith(`KEY_FILE: ${file}: ${problem}`), message)
        assert.deepStrictEqual(source.known(), [])
      }).pipe(Effect.scoped)
    )
  }

  it.effect("counts as missing where there is no file, and is read once there is one", () =>
    Effect.gen(function* () {
      const { file, read } = yield* make(undefined)
      const { exitCode, message } = yield* Effect.flip(read)
      assert.deepStrictEqual(
        [exitCode, message],
        [3, `KEY_FILE: ${file}: it does not exist; write a key from the Hyperbrowser dashboard into it`]
      )
      writeFileSync(file, "hb_key")
      yield* aWhile
      assert.strictEqual(yield* read, "hb_key")
    }).pipe(Effect.scoped)
  )

  it.effect("is read again after a second, not before", () =>
    Effect.gen(function* () {
      const { file, read, source, told } = yield* make("hb_one")
      yield* read
      writeFileSync(file, "hb_two")
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(yield* read, "hb_one")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* read, "hb_two")
      assert.deepStrictEqual(source.known().map(Redacted.value), ["hb_two", "hb_one"])
      assert.deepStrictEqual(told, [`info KEY_FILE: ${file} holds another API key now, which is used`])
    }).pipe(Effect.scoped)
  )

  it.effect("is noticed where a symbolic link is swapped, as Kubernetes does", () =>
    Effect.gen(function* () {
      const base = yield* directory
      for (const name of ["one", "two"]) {
        mkdirSync(join(base, `..${name}`))
        writeFileSync(join(base, `..${name}`, "key"), `hb_${name}`)
      }
      symlinkSync("..one", join(base, "..data"))
      symlinkSync(join("..data", "key"), join(base, "key"))
      const source = KeySource.fromFile("KEY_FILE", join(base, "key"))
      assert.strictEqual(Redacted.value(yield* source.read), "hb_one")
      symlinkSync("..two", join(base, "..data_tmp"))
      renameSync(join(base, "..data_tmp"), join(base, "..data"))
      yield* aWhile
      assert.strictEqual(Redacted.value(yield* source.read), "hb_two")
    }).pipe(Effect.scoped)
  )

  it.effect("is noticed by its content, whatever the times of the file say", () =>
    Effect.gen(function* () {
      const { file, read } = yield* make("hb_one")
      const { atime, mtime } = statSync(file)
      yield* read
      writeFileSync(file, "hb_two")
      utimesSync(file, atime, mtime)
      yield* aWhile
      assert.strictEqual(yield* read, "hb_two")
    }).pipe(Effect.scoped)
  )

  it.effect("is read again at once when it was rejected, if it is the one that is in use", () =>
    Effect.gen(function* () {
      const { file, read } = yield* make("hb_one")
      yield* read
      writeFileSync(file, "hb_two")
      const after = (key: string) => Effect.provideService(read, RejectedApiKey, Redacted.make(key))
      assert.strictEqual(yield* after("hb_zero"), "hb_one")
      assert.strictEqual(yield* after("hb_one"), "hb_two")
    }).pipe(Effect.scoped)
  )

  it.effect("stays in use while its file cannot be used, which is told once", () =>
    Effect.gen(function* () {
      const { file, read, told } = yield* make("hb_one")
      yield* read
      const look = Effect.andThen(aWhile, read)
      rmSync(file)
      assert.strictEqual(yield* look, "hb_one")
      writeFileSync(file, "")
      assert.strictEqual(yield* look, "hb_one")
      rmSync(file)
      execFileSync("mkfifo", [file])
      assert.strictEqual(yield* look, "hb_one")
      assert.deepStrictEqual(told, [
        `warning KEY_FILE: ${file}: it does not exist; write a key from the Hyperbrowser dashboard into it; the API key read before stays in use`
      ])
      rmSync(file)
      writeFileSync(file, "hb_one")
      assert.strictEqual(yield* look, "hb_one")
      writeFileSync(file, "hb_two")
      assert.strictEqual(yield* look, "hb_two")
      assert.deepStrictEqual(told.slice(1), [
        `info KEY_FILE: ${file} can be read again`,
        `info KEY_FILE: ${file} holds another API key now, which is used`
      ])
    }).pipe(Effect.scoped)
  )

  it.effect("is read once for all that ask at the same time", () =>
    Effect.gen(function* () {
      const { file, read, told } = yield* make("hb_one")
      yield* read
      writeFileSync(file, "hb_two")
      yield* aWhile
      const before = readCalls()
      const keys = yield* Effect.all(
        Array.from({ length: 500 }, () => read),
        { concurrency: "unbounded" }
      )
      // One reading is a few calls.
      assert.isBelow(readCalls() - before, 250)
      assert.deepStrictEqual([...new Set(keys)], ["hb_two"])
      assert.lengthOf(told, 1)
    }).pipe(Effect.scoped)
  )

  it.effect("is remembered with those before it, up to eight", () =>
    Effect.gen(function* () {
      const { file, read, source } = yield* make("hb_0")
      yield* read
      for (const n of [1, 2, 3, 4, 5, 6, 7, 8, 9, 3]) {
        writeFileSync(file, `hb_${n}`)
        yield* aWhile
        yield* read
      }
      assert.deepStrictEqual(
        source.known().map(Redacted.value),
        [3, 9, 8, 7, 6, 5, 4, 2].map((n) => `hb_${n}`)
      )
    }).pipe(Effect.scoped)
  )
})

const configured = (env: Readonly<Record<string, string>>) =>
  ApiKey.configured.pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })),
    Effect.map(Option.getOrUndefined)
  )

const built = (env: Readonly<Record<string, string>>) =>
  ApiKey.ApiKey.pipe(
    Effect.provide(ApiKey.ApiKey.layerConfig),
    Effect.mapError(toAppError),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
  )

describe("the variables of the key", () => {
  it.effect("name no source when neither is set, or both are empty", () =>
    Effect.gen(function* () {
      for (const env of [{}, { HYPERBROWSER_API_KEY: "", HYPERBROWSER_API_KEY_FILE: "" }]) {
        assert.isUndefined(yield* configured(env))
        const { exitCode, message } = yield* Effect.flip(built(env))
        assert.strictEqual(exitCode, 3)
        assert.match(message, /^no API key: set HYPERBROWSER_API_KEY to .* or HYPERBROWSER_API_KEY_FILE to /)
      }
    })
  )

  it.effect("may not both be set; an empty one is not", () =>
    Effect.gen(function* () {
      const { file } = yield* make("hb_of_file\n")
      const both = { HYPERBROWSER_API_KEY: "hb_of_variable", HYPERBROWSER_API_KEY_FILE: file }
      const error = yield* Effect.flip(configured(both))
      assert.strictEqual(error._tag, "AppError")
      assert.include(error.message, "both HYPERBROWSER_API_KEY and HYPERBROWSER_API_KEY_FILE are set")
      const current = (env: Readonly<Record<string, string>>) =>
        Effect.flatMap(built(env), (key) => Effect.map(key.current, (value) => [key.name, Redacted.value(value)]))
      assert.deepStrictEqual(yield* current({ ...both, HYPERBROWSER_API_KEY_FILE: "" }), [
        "HYPERBROWSER_API_KEY",
        "hb_of_variable"
      ])
      assert.deepStrictEqual(yield* current({ ...both, HYPERBROWSER_API_KEY: "" }), [
        `HYPERBROWSER_API_KEY_FILE (${file})`,
        "hb_of_file"
      ])
    }).pipe(Effect.scoped)
  )

  it.effect("hold a key, blanks around it left out, but not blanks alone", () =>
    Effect.gen(function* () {
      const { current } = yield* built({ HYPERBROWSER_API_KEY: " hb_key\n" })
      assert.strictEqual(Redacted.value(yield* current), "hb_key")
      const { exitCode, message } = yield* Effect.flip(built({ HYPERBROWSER_API_KEY: "  " }))
      assert.deepStrictEqual(
        [exitCode, message],
        [3, "HYPERBROWSER_API_KEY is blank: set it to a key from the Hyperbrowser dashboard"]
      )
    })
  )
})

describe("a key that is held", () => {
  it.effect("is that of the last look, until it is rejected", () =>
    Effect.gen(function* () {
      const { file, source } = yield* make("hb_one")
      yield* Effect.gen(function* () {
        const { current, held } = yield* ApiKey.ApiKey
        writeFileSync(file, "hb_two")
        yield* aWhile
        assert.strictEqual(Redacted.value(yield* held), "hb_one")
        const rejected = Redacted.make("hb_one")
        assert.strictEqual(Redacted.value(yield* Effect.provideService(held, RejectedApiKey, rejected)), "hb_two")
        assert.strictEqual(Redacted.value(yield* held), "hb_two")
        writeFileSync(file, "hb_three")
        yield* aWhile
        yield* current
        assert.strictEqual(Redacted.value(yield* held), "hb_three")
      }).pipe(Effect.provide(ApiKey.ApiKey.layer(source)))
    }).pipe(Effect.scoped)
  )
})

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import * as RegularFile from "../src/RegularFile.ts"
import { directory } from "./support.ts"

const LIMIT = 1024
const read = (file: string) => RegularFile.readText(file, { maxBytes: LIMIT })
const problemOf = (file: string) => Effect.map(Effect.flip(read(file)), ({ kind, problem }) => [kind, problem])

describe("RegularFile", () => {
  it.live("reads up to its limit, also behind symbolic links", () =>
    Effect.gen(function* () {
      const base = yield* directory
      writeFileSync(join(base, "exact"), "x".repeat(LIMIT))
      symlinkSync("exact", join(base, "link"))
      assert.strictEqual(yield* read(join(base, "link")), "x".repeat(LIMIT))
      writeFileSync(join(base, "empty"), "")
      assert.strictEqual(yield* read(join(base, "empty")), "")
    }).pipe(Effect.scoped)
  )

  it.live("reads files that tell no size", () =>
    Effect.gen(function* () {
      assert.include(yield* RegularFile.readText("/proc/self/status", { maxBytes: 64 * 1024 }), "Pid:")
      assert.deepStrictEqual(yield* problemOf("/proc/self/smaps"), ["too large", "it is larger than 1 KiB"])
    })
  )

  it.live("reads no more than one byte beyond its limit", () =>
    Effect.gen(function* () {
      const file = join(yield* directory, "large")
      writeFileSync(file, "x".repeat(LIMIT + 1))
      assert.deepStrictEqual(yield* problemOf(file), ["too large", "it is larger than 1 KiB"])
    }).pipe(Effect.scoped)
  )

  it.live("says at once what else stands in the place of a file", () =>
    Effect.gen(function* () {
      const base = yield* directory
      const at = (name: string) => join(base, name)
      mkdirSync(at("directory"))
      execFileSync("mkfifo", [at("fifo")])
      symlinkSync("fifo", at("link"))
      symlinkSync("circle", at("circle"))
      symlinkSync("nothing", at("dangling"))
      writeFileSync(at("file"), "text")
      const socket = createServer().listen(at("socket"))
      yield* Effect.addFinalizer(() => Effect.sync(() => socket.close()))
      yield* Effect.promise(() => once(socket, "listening"))
      const expected = {
        directory: ["not a file", "it is a directory, not a file"],
        fifo: ["not a file", "it is a FIFO, not a file"],
        link: ["not a file", "it is a FIFO, not a file"],
        socket: ["not a file", "it is a socket, not a file"],
        circle: ["bad path", "its symbolic links lead in a circle"],
        dangling: ["missing", "it does not exist"],
        "file/in/file": ["bad path", "a part of its path is not a directory"],
        ["n".repeat(300)]: ["bad path", "its name is longer than the file system allows"],
        "nul\0": ["bad path", "its name holds a NUL character"]
      }
      for (const [name, found] of Object.entries(expected)) assert.deepStrictEqual(yield* problemOf(at(name)), found)
      assert.deepStrictEqual(yield* problemOf(""), ["bad path", "its name is empty"])
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(process.getuid?.() !== 0)("opens no device", () =>
    Effect.gen(function* () {
      const file = join(yield* directory, "zero")
      execFileSync("mknod", [file, "c", "1", "5"])
      assert.deepStrictEqual(yield* problemOf(file), ["not a file", "it is a device, not a file"])
    }).pipe(Effect.scoped)
  )

  it.live("rejects what is no text in UTF-8, and leaves a byte order mark out", () =>
    Effect.gen(function* () {
      const file = join(yield* directory, "text")
      writeFileSync(file, "\u{FEFF}äöü")
      assert.strictEqual(yield* read(file), "äöü")
      writeFileSync(file, Buffer.from("\u{FEFF}abc", "utf16le"))
      assert.deepStrictEqual(yield* problemOf(file), ["not text", "it is text in UTF-16; write it in UTF-8"])
      writeFileSync(file, Buffer.from([0x61, 0xff]))
      assert.deepStrictEqual(yield* problemOf(file), ["not text", "it is not text in UTF-8"])
    }).pipe(Effect.scoped)
  )

  it.live("asks before it reads whether a file may be read", () =>
    Effect.gen(function* () {
      const file = join(yield* directory, "open")
      writeFileSync(file, "text", { mode: 0o644 })
      const reject = ({ mode }: { readonly mode: number }) => ((mode & 0o044) === 0 ? undefined : "others can read it")
      const found = yield* Effect.flip(RegularFile.read(file, { maxBytes: LIMIT, reject }))
      assert.deepStrictEqual(found, { kind: "rejected", problem: "others can read it" })
    }).pipe(Effect.scoped)
  )
})

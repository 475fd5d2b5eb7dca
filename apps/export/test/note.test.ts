/**
 * What runs tell later ones, in a directory, where a process may be killed at any moment.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, FileSystem, Option } from "effect"
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as LocalDirectory from "../src/publish/LocalDirectory.ts"
import { scratch } from "./support.ts"

const noteIn = (directory: string) =>
  Effect.map(LocalDirectory.make({ directory, takeOverAfter: Duration.hours(1) }), ({ note }) => note)

/** A file system on which no more is written once a file has been made, and then nothing goes on. */
const stopsAtWrite = (isStopped: Deferred.Deferred<void>) =>
  Effect.map(FileSystem.FileSystem, (fs) =>
    FileSystem.FileSystem.of({
      ...fs,
      writeFileString: (path) =>
        fs
          .writeFileString(path, "", { flag: "wx" })
          .pipe(Effect.andThen(Deferred.succeed(isStopped, undefined)), Effect.andThen(Effect.never))
    })
  )

describe("a note", () => {
  it.live("is the old one or the new one, whenever the process that writes it is killed", () =>
    Effect.gen(function* () {
      const directory = yield* scratch
      const note = yield* noteIn(directory)
      yield* note.write("old")
      const isStopped = yield* Deferred.make<void>()
      const killed = yield* Effect.provideServiceEffect(
        noteIn(directory),
        FileSystem.FileSystem,
        stopsAtWrite(isStopped)
      )
      const fiber = yield* Effect.forkChild(killed.write("new"))
      yield* Deferred.await(isStopped)
      assert.deepStrictEqual(yield* note.read, Option.some("old"))
      yield* Fiber.interrupt(fiber)
      // What the killed one left is no hindrance.
      yield* note.write("newer")
      assert.deepStrictEqual(yield* note.read, Option.some("newer"))
      yield* note.remove
      assert.deepStrictEqual(yield* note.read, Option.none())
      assert.deepStrictEqual(readdirSync(directory), [])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("is written to nothing that is in its place", () =>
    Effect.gen(function* () {
      const directory = yield* scratch
      const [other, place] = [join(directory, "other"), join(directory, "out")]
      mkdirSync(place)
      writeFileSync(other, "not ours")
      for (const name of [".note", ".note.new"]) symlinkSync(other, join(place, name))
      const note = yield* noteIn(place)
      yield* note.write("text")
      assert.deepStrictEqual(yield* note.read, Option.some("text"))
      assert.strictEqual(readFileSync(other, "utf8"), "not ours")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("stays as it is where a new one cannot be made, or is there without a text", () =>
    Effect.gen(function* () {
      const directory = yield* scratch
      const note = yield* noteIn(directory)
      mkdirSync(join(directory, ".note.new"))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(note.write("first"))))
      assert.deepStrictEqual(yield* note.read, Option.some(""))
      writeFileSync(join(directory, ".note"), "old")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(note.write("second"))))
      assert.deepStrictEqual(yield* note.read, Option.some("old"))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})

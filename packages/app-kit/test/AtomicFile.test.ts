import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, FileSystem, Path, Stream } from "effect"
import * as AtomicFile from "../src/AtomicFile.ts"

const scratch = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = yield* fs.makeTempDirectoryScoped()
  return { directory, file: path.join(directory, "out.csv") }
})

layer(NodeServices.layer)("AtomicFile.writeText", (it) => {
  describe("a stream that ends", () => {
    it.effect("becomes the file, and nothing stays beside it", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { directory, file } = yield* scratch
        yield* fs.writeFileString(file, "the earlier content")
        const bytes = yield* AtomicFile.writeText(file, Stream.make("a,b\r\n", "é,2\r\n"))
        assert.strictEqual(yield* fs.readFileString(file), "a,b\r\né,2\r\n")
        assert.strictEqual(bytes, 11)
        assert.deepStrictEqual(yield* fs.readDirectory(directory), ["out.csv"])
      })
    )

    it.effect("may be empty", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { file } = yield* scratch
        assert.strictEqual(yield* AtomicFile.writeText(file, Stream.empty), 0)
        assert.strictEqual(yield* fs.readFileString(file), "")
      })
    )
  })

  describe("a stream that does not end", () => {
    it.effect("leaves the earlier file, and nothing beside it, when it fails", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { directory, file } = yield* scratch
        yield* fs.writeFileString(file, "the earlier content")
        const text = Stream.concat(Stream.make("half"), Stream.fail("no more"))
        assert.strictEqual(yield* Effect.flip(AtomicFile.writeText(file, text)), "no more")
        assert.strictEqual(yield* fs.readFileString(file), "the earlier content")
        assert.deepStrictEqual(yield* fs.readDirectory(directory), ["out.csv"])
      })
    )

    it.effect("leaves the earlier file, and nothing beside it, when it is interrupted", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { directory, file } = yield* scratch
        yield* fs.writeFileString(file, "the earlier content")
        const reached = yield* Deferred.make<void>()
        const text = Stream.concat(
          Stream.make("half"),
          Stream.fromEffect(Effect.andThen(Deferred.succeed(reached, undefined), Effect.never))
        )
        const fiber = yield* Effect.forkChild(AtomicFile.writeText(file, text))
        yield* Deferred.await(reached)
        assert.lengthOf(yield* fs.readDirectory(directory), 2)
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.interrupt(fiber).pipe(Effect.andThen(Fiber.await(fiber)))))
        assert.strictEqual(yield* fs.readFileString(file), "the earlier content")
        assert.deepStrictEqual(yield* fs.readDirectory(directory), ["out.csv"])
      })
    )
  })

  describe("a place that cannot be written", () => {
    it.effect("is a typed failure", () =>
      Effect.gen(function* () {
        const { file } = yield* scratch
        const error = yield* Effect.flip(AtomicFile.writeText(`${file}/below`, Stream.make("x")))
        assert.deepInclude({ ...error }, { _tag: "AppError", exitCode: 2 })
      })
    )
  })
})

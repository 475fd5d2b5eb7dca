/**
 * What the client does when a request fails: tries again within bounds, continues, gives up, cleans up.
 */
import { assert, describe, it } from "@effect/vitest"
import type { FaultKind, RequestInfo } from "@hb-sessions/object-store/Faults"
import type { RunningObjectStore } from "@hb-sessions/object-store/ObjectStore"
import { Effect, Fiber, Option, Stream } from "effect"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { readFileSync, truncateSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { S3Client } from "../src/s3/S3Client.ts"
import { measuresOf, reasonOf, store, withClient } from "./s3.ts"
import { scratch, until } from "./support.ts"

const KIB = 1024

/** Everything large is sent, fetched and copied in parts. */
const inParts = {
  singleBytes: 50 * KIB,
  partBytes: 100 * KIB,
  copyBytes: 50 * KIB,
  copyPartBytes: 100 * KIB,
  idleMillis: 250,
  workMillis: 250
}

const large = randomBytes(250 * KIB)

interface Directory {
  readonly file: string
  readonly fetched: string
}

/** What is done, and what must be so afterwards, by the operation that a fault meets. */
const calls: Readonly<
  Record<
    string,
    {
      readonly call: (s3: S3Client["Service"], directory: Directory) => Effect.Effect<unknown, unknown>
      readonly check: (peer: RunningObjectStore, directory: Directory, found: unknown) => boolean
    }
  >
> = {
  GetObject: {
    call: (s3, { fetched }) => s3.download("large", fetched, { bytes: large.length }),
    check: (_, { fetched }) => readFileSync(fetched).equals(large)
  },
  HeadObject: {
    call: (s3) => Effect.map(s3.head("large"), Option.getOrThrow),
    check: (_, __, found) => Object(found).size === large.length
  },
  PutObject: {
    call: (s3) => s3.put("a", "new"),
    check: ({ contents }) => contents.text("exports", "team/a") === "new"
  },
  CreateMultipartUpload: {
    call: (s3, { file }) => s3.upload("sent", file, measuresOf(large)),
    check: ({ contents }) => contents.object("exports", "team/sent")?.body.equals(large) === true
  },
  CopyObject: {
    call: (s3) => s3.copy("small", "copy"),
    check: ({ contents }) => contents.text("exports", "team/copy") === "small"
  },
  UploadPartCopy: {
    call: (s3) => s3.copy("large", "copy"),
    check: ({ contents }) => contents.object("exports", "team/copy")?.body.equals(large) === true
  },
  DeleteObjects: {
    call: (s3) => s3.remove(["small", "large"]),
    check: ({ contents }) => contents.keys("exports").length === 0
  },
  DeleteObject: {
    call: (s3) => s3.remove(["small"]),
    check: ({ contents }) => contents.keys("exports").join() === "team/large"
  },
  ListObjectsV2: {
    call: (s3) => Stream.runCollect(s3.list("")),
    check: (_, __, found) => Array.isArray(found) && found.map(({ key }) => key).join() === "large,small"
  },
  ListMultipartUploads: {
    call: (s3) => Stream.runCollect(s3.listUploads("")),
    check: (_, __, found) => Array.isArray(found) && found.length === 1
  },
  AbortMultipartUpload: {
    call: (s3) => Stream.runForEach(s3.listUploads(""), s3.abort),
    check: ({ contents }) => contents.uploads("exports").length === 0
  }
}
const sent = calls["CreateMultipartUpload"]
const operations = sent === undefined ? calls : { ...calls, UploadPart: sent, CompleteMultipartUpload: sent }

/** What is answered without a body. */
const bodyless = new Set(["HeadObject", "PutObject", "UploadPart", "DeleteObject", "AbortMultipartUpload"])

const faults: ReadonlyArray<FaultKind | "429"> = [
  "slow-down",
  "internal-error",
  "conflict",
  "429",
  "cut",
  "hang",
  "lost-answer",
  "late-hang",
  "half-body"
]

const is =
  (name: string) =>
  ({ operation }: RequestInfo): boolean =>
    operation === name

const directoryOf = Effect.map(scratch, (directory): Directory => {
  const file = join(directory, "file")
  writeFileSync(file, large)
  return { file, fetched: join(directory, "fetched") }
})

/** The place that a server of the test is; it ends with the scope. */
const of = (server: Server) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => once(server.listen(0, "127.0.0.1"), "listening")),
      () => Effect.sync(() => server.close())
    ),
    () => ({
      environment: {
        AWS_ACCESS_KEY_ID: "key",
        AWS_SECRET_ACCESS_KEY: "secret",
        AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      }
    })
  )

describe("a request that fails once", () => {
  for (const [operation, { call, check }] of Object.entries(operations)) {
    it.live(`is tried again: ${operation}`, () =>
      Effect.gen(function* () {
        yield* Effect.forEach(
          faults.filter((fault) => fault !== "half-body" || !bodyless.has(operation)),
          (fault) =>
            Effect.gen(function* () {
              const directory = yield* directoryOf
              const peer = yield* store({ pageSize: 1, minPartBytes: 100 * KIB })
              peer.contents.put("exports", "team/small", "small")
              peer.contents.put("exports", "team/large", large)
              const left = operation.includes("MultipartUpload") && !operation.startsWith("C")
              if (left) peer.contents.addUpload("exports", "team/left")
              peer.setFaults([{ fault: fault === "429" ? { status: 429 } : fault, when: is(operation), nth: 1 }])
              const found = yield* S3Client.use((s3) => call(s3, directory)).pipe(
                withClient({ environment: peer.environment, limits: inParts })
              )
              const first = peer.requests.findIndex(is(operation))
              assert.isBelow(first, peer.requests.length - 1, `nothing was tried again after ${fault}`)
              assert.isTrue(check(peer, directory, found), `${operation} after ${fault}`)
              if (!left && fault !== "lost-answer" && fault !== "late-hang" && fault !== "half-body") {
                assert.deepStrictEqual(peer.contents.uploads("exports"), [])
              }
            }).pipe(Effect.scoped),
          { concurrency: "unbounded", discard: true }
        )
      })
    )
  }

  it.live("is not hidden when it was a conditional write that happened", () =>
    Effect.gen(function* () {
      const peer = yield* store({ faults: [{ fault: "lost-answer", nth: 1 }] })
      const put = S3Client.use((s3) => s3.put("a", "mine", { ifNoneMatch: "*" }))
      assert.strictEqual(yield* reasonOf(put.pipe(withClient(peer))), "PreconditionFailed")
      assert.strictEqual(peer.contents.text("exports", "team/a"), "mine")
    }).pipe(Effect.scoped)
  )
})

describe("a store that does not recover", () => {
  const get = S3Client.use((s3) => s3.get("a"))
  const failure = (effect: typeof get, peer: RunningObjectStore, limits = {}) =>
    effect.pipe(
      withClient({ environment: peer.environment, limits }),
      Effect.flip,
      Effect.map(({ message }) => message)
    )

  it.live("is given up after the retries, saying what it last answered", () =>
    Effect.gen(function* () {
      const peer = yield* store({ faults: [{ fault: "slow-down" }] })
      assert.include(
        yield* failure(get, peer, { retries: 3 }),
        "could not be reached after 4 attempts (HTTP 503 SlowDown)"
      )
      assert.lengthOf(peer.requests, 4)
      peer.clearRequests()
      const { fetched } = yield* directoryOf
      const download = S3Client.use((s3) => s3.download("a", fetched, { bytes: 1 }))
      assert.strictEqual(yield* reasonOf(download.pipe(withClient({ ...peer, limits: { retries: 3 } }))), "Unreachable")
      assert.lengthOf(peer.requests, 4)
    }).pipe(Effect.scoped)
  )

  it.live("is given up when its time is over, or when it asks to wait for too long", () =>
    Effect.gen(function* () {
      const peer = yield* store({ faults: [{ fault: "slow-down" }] })
      assert.include(yield* failure(get, peer, { retryForMillis: 0 }), "after 1 attempt ")
      peer.setFaults([{ fault: { status: 503, headers: { "retry-after": "3600" } } }])
      assert.include(yield* failure(get, peer), "after 1 attempt (HTTP 503)")
    }).pipe(Effect.scoped)
  )

  it.live("is given up when it does not answer, but not while a byte comes now and then", () =>
    Effect.gen(function* () {
      const peer = yield* store({ faults: [{ fault: "hang" }] })
      assert.include(yield* failure(get, peer, { retries: 1, idleMillis: 100 }), "(no answer within 0.1 s)")
      const slow = createServer((_, response) => {
        response.writeHead(200, { etag: '"x"', "last-modified": new Date().toUTCString(), "content-length": "30" })
        const timer = setInterval(() => response.write("x"), 50)
        response.on("close", () => clearInterval(timer))
      })
      const limits = { idleMillis: 1000, retries: 0 }
      const found = yield* get.pipe(withClient({ ...(yield* of(slow)), limits }))
      assert.lengthOf(Option.getOrThrow(found).body, 30)
    }).pipe(Effect.scoped)
  )

  it.live("has the parts of an upload aborted that it did not take, as far as it can", () =>
    Effect.gen(function* () {
      const { file } = yield* directoryOf
      const peer = yield* store({ faults: [{ fault: "slow-down", when: is("UploadPart") }] })
      const upload = S3Client.use((s3) => s3.upload("a", file, measuresOf(large)))
      const limits = { ...inParts, retries: 1 }
      assert.strictEqual(yield* reasonOf(upload.pipe(withClient({ ...peer, limits }))), "Unreachable")
      assert.deepStrictEqual(peer.contents.uploads("exports"), [])
      peer.setFaults([
        { fault: "slow-down", when: is("UploadPart") },
        { fault: "hang", when: is("AbortMultipartUpload") }
      ])
      const limited = { ...limits, abortMillis: 50, idleMillis: 60_000 }
      assert.strictEqual(yield* reasonOf(upload.pipe(withClient({ ...peer, limits: limited }))), "Unreachable")
      assert.lengthOf(peer.contents.uploads("exports"), 1)
    }).pipe(Effect.scoped)
  )
})

describe("a transfer", () => {
  it.live("that is cut goes on where it was cut, as often as something arrives", () =>
    Effect.gen(function* () {
      const { fetched } = yield* directoryOf
      const peer = yield* store({ faults: [{ fault: "half-body", nth: [1, 10] }] })
      peer.contents.put("exports", "team/a", large)
      yield* S3Client.use((s3) => s3.download("a", fetched, { bytes: large.length })).pipe(
        withClient({ environment: peer.environment, limits: { retries: 1 } })
      )
      assert.isTrue(readFileSync(fetched).equals(large))
      const { etag } = peer.contents.object("exports", "team/a") ?? {}
      assert.deepStrictEqual(
        peer.requests.map(({ condition, status }) => [condition, status]),
        [[undefined, 200], ...Array.from({ length: 10 }, () => [`if-match: "${etag}"`, 206])]
      )
    }).pipe(Effect.scoped)
  )

  it.live("is given up when another object is there after the cut", () =>
    Effect.gen(function* () {
      const { fetched } = yield* directoryOf
      const peer = yield* store({ faults: [{ fault: "half-body", nth: 1 }] })
      peer.contents.put("exports", "team/a", large)
      peer.setHook(({ number }) => {
        if (number === 2) peer.contents.put("exports", "team/a", randomBytes(large.length))
      })
      const download = S3Client.use((s3) => s3.download("a", fetched, { bytes: large.length }))
      const { message } = yield* Effect.flip(download.pipe(withClient(peer)))
      assert.include(message, "the object changed while it was read; run again")
    }).pipe(Effect.scoped)
  )

  it.live("that is interrupted ends at once, and aborts the upload within a bound", () =>
    Effect.gen(function* () {
      const { file } = yield* directoryOf
      const peer = yield* store()
      for (const isDeaf of [false, true]) {
        peer.clearRequests()
        peer.setFaults([
          { fault: "hang", when: is("UploadPart") },
          ...(isDeaf ? [{ fault: "hang" as const, when: is("AbortMultipartUpload") }] : [])
        ])
        const limits = { ...inParts, idleMillis: 600_000, abortMillis: isDeaf ? 500 : 60_000 }
        const upload = S3Client.use((s3) => s3.upload("a", file, measuresOf(large)))
        const fiber = yield* Effect.forkChild(upload.pipe(withClient({ ...peer, limits })))
        yield* Effect.promise(() => until(() => peer.requests.some(is("UploadPart"))))
        yield* Fiber.interrupt(fiber)
        assert.isTrue(peer.requests.some(is("AbortMultipartUpload")))
        assert.lengthOf(peer.contents.uploads("exports"), isDeaf ? 1 : 0)
      }
    }).pipe(Effect.scoped)
  )

  it.live("of a file that becomes shorter meanwhile is given up", () =>
    Effect.gen(function* () {
      const { file } = yield* directoryOf
      const upload = S3Client.use((s3) => s3.upload("a", file, measuresOf(large)))
      const meanwhile = createServer((_, response) => {
        truncateSync(file, 100)
        response.writeHead(503).end()
      })
      const { message } = yield* Effect.flip(upload.pipe(withClient(yield* of(meanwhile))))
      assert.include(message, "became shorter")
    }).pipe(Effect.scoped)
  )

  it.live("that is rejected before it is over says why", () =>
    Effect.gen(function* () {
      const { file } = yield* directoryOf
      const hasty = createServer((request, response) => {
        response.writeHead(403, { connection: "close", "content-type": "application/xml" })
        response.end("<Error><Code>AccessDenied</Code></Error>")
        request.socket.resume()
      })
      const upload = S3Client.use((s3) => s3.upload("a", file, measuresOf(large)))
      assert.strictEqual(yield* reasonOf(upload.pipe(withClient(yield* of(hasty)))), "AccessDenied")
    }).pipe(Effect.scoped)
  )
})

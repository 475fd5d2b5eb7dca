/**
 * The client against a strict stand-in for S3 and against Ceph RGW, which have to be the same to it.
 */
import { assert, describe, it } from "@effect/vitest"
import { startObjectStore } from "@hb-sessions/object-store/ObjectStore"
import * as Rgw from "@hb-sessions/object-store/Rgw"
import { AwsClient } from "aws4fetch"
import { Effect, Option, Stream } from "effect"
import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll } from "vitest"
import { S3Client } from "../src/s3/S3Client.ts"
import { measuresOf, type Place, reasonOf, withClient } from "./s3.ts"
import { hasProgram, scratch } from "./support.ts"

const MIB = 1024 ** 2

/** Keys that have gone wrong somewhere. */
const oddKeys = [
  "a",
  "a b",
  "a%20b",
  "a+b",
  "100%",
  "é/√/😀",
  "\uffee",
  "a'b(c)*!~_-.",
  'a"<b>&c',
  "x=1&y?z#w",
  "q;:@$,[]{}|^`\\",
  "..a/b..",
  `long/${"n".repeat(600)}`
]

const hasAws = hasProgram("aws", "--version")

interface Peer {
  readonly environment: Readonly<Record<string, string>>
  readonly stop: () => Promise<void>
}

const peers = [
  { name: "a strict stand-in", isThere: true, start: () => startObjectStore({ pageSize: 5 }), isRgw: false },
  {
    name: `Ceph RGW (needs ${Rgw.packages.join(", ")})`,
    isThere: Rgw.isInstalled,
    start: Rgw.startRgw,
    isRgw: true
  }
]

for (const { isRgw, isThere, name, start } of peers) {
  describe.skipIf(!isThere)(`the client against ${name}`, () => {
    let peer: Peer
    let aws: AwsClient
    let places = 0
    const url = (path: string) => `${peer.environment["AWS_ENDPOINT_URL_S3"]}/${path}`

    beforeAll(async () => {
      peer = await start()
      aws = new AwsClient({
        accessKeyId: peer.environment["AWS_ACCESS_KEY_ID"] ?? "",
        secretAccessKey: peer.environment["AWS_SECRET_ACCESS_KEY"] ?? "",
        service: "s3",
        region: "us-east-1"
      })
      await aws.fetch(url("exports"), { method: "PUT" })
    }, 120_000)
    afterAll(() => peer.stop())

    /** A place of its own for each test; without `%`, at which Ceph RGW 16.2.15 dies when a part is copied. */
    const inPlace = (options: Partial<Place> = {}) => {
      const location = { bucket: "exports", prefix: `té am+/${++places}` }
      return withClient({ environment: peer.environment, location, ...options })
    }

    it.live("writes, reads, lists, copies and removes under keys of every kind", () =>
      Effect.gen(function* () {
        const s3 = yield* S3Client
        for (const key of oddKeys) {
          const written = yield* s3.put(key, `content of ${key}`)
          const found = Option.getOrThrow(yield* s3.get(key))
          assert.strictEqual(new TextDecoder().decode(found.body), `content of ${key}`)
          assert.strictEqual(found.etag, written.etag)
          const head = Option.getOrThrow(yield* s3.head(key))
          assert.strictEqual(head.size, Buffer.byteLength(`content of ${key}`))
          assert.isAtMost(Math.abs(head.lastModified - head.serverTime), 60_000)
          yield* s3.copy(key, `copy/${key}`)
        }
        const inOrder = (keys: ReadonlyArray<string>) =>
          keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        const keysOf = (prefix: string, startAfter?: string) =>
          s3.list(prefix, startAfter === undefined ? {} : { startAfter }).pipe(
            Stream.map(({ key }) => key),
            Stream.runCollect
          )
        const copies = oddKeys.map((key) => `copy/${key}`)
        const all = inOrder([...oddKeys, ...copies])
        assert.deepStrictEqual(yield* keysOf(""), all)
        assert.deepStrictEqual(yield* keysOf("copy/"), inOrder(copies))
        assert.deepStrictEqual(yield* keysOf("", all[7]), all.slice(8))
        yield* s3.remove([...copies, "absent"])
        assert.deepStrictEqual(yield* keysOf(""), inOrder(oddKeys))
        yield* s3.remove(oddKeys)
        assert.deepStrictEqual(yield* keysOf(""), [])
      }).pipe(inPlace())
    )

    it.live("stays below its prefix", () =>
      Effect.gen(function* () {
        const outside = withClient({
          environment: peer.environment,
          location: { bucket: "exports", prefix: "neighbour" }
        })
        const inside = withClient({ environment: peer.environment, location: { bucket: "exports", prefix: "neigh" } })
        yield* outside(S3Client.use((s3) => s3.put("a", "x")))
        assert.deepStrictEqual(yield* inside(S3Client.use((s3) => Stream.runCollect(s3.list("")))), [])
        const whole = withClient({ environment: peer.environment, location: { bucket: "exports", prefix: "" } })
        const [found] = yield* whole(S3Client.use((s3) => Stream.runCollect(s3.list("neigh"))))
        assert.strictEqual(found?.key, "neighbour/a")
      })
    )

    it.live("knows what is absent", () =>
      Effect.gen(function* () {
        const s3 = yield* S3Client
        const directory = yield* scratch
        assert.isTrue(Option.isNone(yield* s3.get("absent")))
        assert.isTrue(Option.isNone(yield* s3.head("absent")))
        assert.strictEqual(yield* reasonOf(s3.copy("absent", "b")), "NotFound")
        assert.strictEqual(yield* reasonOf(s3.download("absent", join(directory, "a"), { bytes: 1 })), "NotFound")
        yield* s3.remove(["absent"])
        yield* s3.remove([])
      }).pipe(Effect.scoped, inPlace())
    )

    it.live("writes only if a condition holds, and one of many at once", () =>
      Effect.gen(function* () {
        const s3 = yield* S3Client
        const first = yield* s3.put("a", "1", { ifNoneMatch: "*" })
        assert.strictEqual(yield* reasonOf(s3.put("a", "2", { ifNoneMatch: "*" })), "PreconditionFailed")
        const options = isRgw ? { quoted: false } : {}
        const second = yield* s3.put("a", "2", { ifMatch: first.etag }, options)
        assert.strictEqual(yield* reasonOf(s3.put("a", "3", { ifMatch: first.etag }, options)), "PreconditionFailed")
        assert.strictEqual(Option.getOrThrow(yield* s3.head("a")).etag, second.etag)
        assert.strictEqual(
          yield* reasonOf(s3.put("absent", "1", { ifMatch: first.etag }, options)),
          isRgw ? "PreconditionFailed" : "NotFound"
        )
        const racers = yield* Effect.forEach(
          Array.from({ length: 20 }, (_, index) => index),
          (index) => Effect.exit(s3.put("race", String(index), { ifNoneMatch: "*" })),
          { concurrency: "unbounded" }
        )
        assert.lengthOf(
          racers.filter(({ _tag }) => _tag === "Success"),
          1
        )
      }).pipe(inPlace())
    )

    it.live("sends and fetches files, whole and in parts", () =>
      Effect.gen(function* () {
        const s3 = yield* S3Client
        const directory = yield* scratch
        const [file, fetched] = [join(directory, "file"), join(directory, "fetched")]
        for (const bytes of [0, 1, MIB, 12 * MIB + 1]) {
          const content = randomBytes(bytes)
          writeFileSync(file, content)
          yield* s3.upload("a", file, measuresOf(content))
          yield* s3.download("a", fetched, { bytes })
          assert.isTrue(readFileSync(fetched).equals(content), `${bytes} bytes`)
          yield* s3.copy("a", "b")
          yield* s3.download("b", fetched, { bytes })
          assert.isTrue(readFileSync(fetched).equals(content), `${bytes} bytes copied`)
          for (const key of ["a", "b"]) {
            assert.strictEqual(Option.getOrThrow(yield* s3.head(key)).sha256, measuresOf(content).sha256)
          }
        }
        assert.match(Option.getOrThrow(yield* s3.head("a")).etag, /-3$/)
        assert.match(Option.getOrThrow(yield* s3.head("b")).etag, /-2$/)
        assert.strictEqual(yield* reasonOf(s3.download("a", fetched, { bytes: 1 })), "Unexpected")
      }).pipe(
        Effect.scoped,
        inPlace({ limits: { singleBytes: MIB, partBytes: 5 * MIB, copyBytes: MIB, copyPartBytes: 8 * MIB } })
      )
    )

    it.live("leaves nothing of a file that is not what it was said to be", () =>
      Effect.gen(function* () {
        const s3 = yield* S3Client
        const file = join(yield* scratch, "file")
        for (const bytes of [10, 6 * MIB]) {
          const content = randomBytes(bytes)
          writeFileSync(file, content)
          const measures = measuresOf(content)
          assert.strictEqual(
            yield* reasonOf(s3.upload("a", file, { ...measures, sha256: "0".repeat(64) })),
            "Unexpected"
          )
          assert.strictEqual(yield* reasonOf(s3.upload("a", file, { ...measures, bytes: bytes - 1 })), "Unexpected")
          assert.strictEqual(yield* reasonOf(s3.upload("a", `${file}x`, measures)), "NotFound")
        }
        assert.isTrue(Option.isNone(yield* s3.head("a")))
        assert.deepStrictEqual(yield* Stream.runCollect(s3.listUploads("")), [])
      }).pipe(Effect.scoped, inPlace({ limits: { singleBytes: MIB, partBytes: 5 * MIB } }))
    )

    it.live("finds and aborts uploads that were left", () =>
      Effect.gen(function* () {
        const s3 = yield* S3Client
        const path = [s3.location.bucket, ...s3.location.prefix.split("/").map(encodeURIComponent)].join("/")
        const left = Array.from({ length: 7 }, (_, index) => `left ${index % 4}`)
        yield* Effect.promise(() =>
          Promise.all(
            left.map((key) => aws.fetch(url(`${path}/${encodeURIComponent(key)}?uploads`), { method: "POST" }))
          )
        )
        const uploads = yield* Stream.runCollect(s3.listUploads(""))
        assert.deepStrictEqual(uploads.map(({ key }) => key).toSorted(), left.toSorted())
        assert.isBelow(Math.abs(Date.now() - (uploads[0]?.initiated ?? 0)), 60_000)
        assert.lengthOf(yield* Stream.runCollect(s3.listUploads("left 3")), 1)
        yield* Effect.forEach(uploads, s3.abort)
        assert.deepStrictEqual(yield* Stream.runCollect(s3.listUploads("")), [])
        for (const upload of uploads) yield* s3.abort(upload)
      }).pipe(inPlace())
    )

    it.live("says which credential, or that the bucket, is wrong", () =>
      Effect.gen(function* () {
        const failure = (environment: Record<string, string>, bucket = "exports") =>
          S3Client.use((s3) => Effect.asVoid(s3.get("a"))).pipe(
            withClient({ environment: { ...peer.environment, ...environment }, location: { bucket, prefix: "" } }),
            Effect.flip,
            Effect.map(({ message }) => message)
          )
        assert.include(yield* failure({}, "absent-bucket"), "the bucket absent-bucket does not exist")
        assert.include(yield* failure({ AWS_ACCESS_KEY_ID: "other" }), "(InvalidAccessKeyId); check AWS_ACCESS_KEY_ID")
        assert.include(
          yield* failure({ AWS_SECRET_ACCESS_KEY: "other" }),
          "(SignatureDoesNotMatch); check AWS_SECRET_ACCESS_KEY"
        )
        const head = S3Client.use((s3) => Effect.asVoid(s3.head("a")))
        const place = { environment: { ...peer.environment, AWS_ACCESS_KEY_ID: "other" } }
        assert.strictEqual(yield* reasonOf(head.pipe(withClient(place))), "CredentialsRejected")
      })
    )

    it.live.skipIf(!hasAws)("writes what Amazon's own client reads", () =>
      Effect.gen(function* () {
        const s3 = yield* S3Client
        const directory = yield* scratch
        const file = join(directory, "file")
        const content = randomBytes(6 * MIB)
        writeFileSync(file, content)
        yield* s3.upload("in parts.csv", file, measuresOf(content))
        yield* s3.put("a+b é.json", "{}")
        const { bucket, prefix } = s3.location
        const read = join(directory, "read")
        const arguments_ = ["s3", "cp", "--recursive", "--quiet", `s3://${bucket}/${prefix}/`, read]
        const env = { PATH: process.env["PATH"], ...peer.environment }
        yield* Effect.promise(() => promisify(execFile)("aws", [...arguments_, "--endpoint-url", url("")], { env }))
        assert.isTrue(readFileSync(join(read, "in parts.csv")).equals(content))
        assert.strictEqual(readFileSync(join(read, "a+b é.json"), "utf8"), "{}")
      }).pipe(Effect.scoped, inPlace({ limits: { singleBytes: MIB, partBytes: 5 * MIB } }))
    )
  })
}

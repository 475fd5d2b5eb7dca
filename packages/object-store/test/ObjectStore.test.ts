/**
 * The stand-in is as strict as S3, and fails as it is told.
 */
/* oxlint-disable eslint/no-await-in-loop -- each request depends on the one before it */
import { createHash } from "node:crypto"
import { once } from "node:events"
import { get, type IncomingMessage } from "node:http"
import { text } from "node:stream/consumers"
import { afterEach, assert, describe, it } from "vitest"
import { type ObjectStoreOptions, type RunningObjectStore, startObjectStore } from "../src/ObjectStore.ts"
import { clientOf, type Reply, signedHeaders, texts } from "./client.ts"

const running: Array<RunningObjectStore> = []
const start = async (options?: ObjectStoreOptions) => {
  const store = await startObjectStore(options)
  running.push(store)
  return { store, send: clientOf(store) }
}
afterEach(() => Promise.all(running.splice(0).map(({ stop }) => stop())))

const said = ({ code, status }: Reply) => (code === undefined ? status : `${status} ${code}`)

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error: unknown) => (error instanceof Error ? error.name : "?")
  )

describe("a request", () => {
  it("is answered if it is signed as S3 wants it", async () => {
    const { send, store } = await start()
    const key = "/exports/a%20b%2Bc%25%C3%A9/%F0%9F%98%80%27%28%29.json"
    assert.strictEqual(said(await send("PUT", key, { body: "hello" })), 200)
    assert.deepStrictEqual(store.contents.keys("exports"), ["a b+c%é/😀'().json"])
    assert.strictEqual((await send("GET", `${key}`)).text, "hello")
    assert.strictEqual(said(await send("GET", "/exports/absent")), "404 NoSuchKey")
    assert.strictEqual(said(await send("GET", "/absent/a")), "404 NoSuchBucket")
  })

  it("is rejected with wrong keys, a wrong region, a wrong time or another content than was signed", async () => {
    const { store } = await start()
    const put = async (peer: object, options: object = {}, request: object = {}) =>
      said(await clientOf({ ...store, ...peer }, options)("PUT", "/exports/a", { body: "hello", ...request }))
    assert.strictEqual(await put({ accessKeyId: "other" }), "403 InvalidAccessKeyId")
    assert.strictEqual(await put({ secretAccessKey: "other" }), "403 SignatureDoesNotMatch")
    assert.strictEqual(await put({}, { region: "eu-west-3" }), "400 AuthorizationHeaderMalformed")
    assert.strictEqual(await put({}, { sessionToken: "unknown" }), "400 InvalidToken")
    assert.strictEqual(await put({}, {}, { date: "20200101T000000Z" }), "403 RequestTimeTooSkewed")
    assert.strictEqual(
      await put({}, {}, { headers: { "x-amz-content-sha256": "0".repeat(64) } }),
      "400 XAmzContentSHA256Mismatch"
    )
    const unsigned = await fetch(`${store.endpoint}/exports/a`)
    assert.strictEqual(unsigned.status, 403)
    assert.deepStrictEqual(store.contents.keys("exports"), [])
    assert.strictEqual(await put({}), 200)
    store.advanceClock(16 * 60_000)
    assert.strictEqual(await put({}), "403 RequestTimeTooSkewed")
  })

  it("is rejected when its path, its query or a header of Amazon's is not what was signed", async () => {
    const { store } = await start()
    const signed = await signedHeaders(store, `${store.endpoint}/exports/a?x=1`)
    const again = async (path: string, headers: Record<string, string> = {}) =>
      /<Code>(\w+)</.exec(
        await (await fetch(store.endpoint + path, { headers: { ...signed, ...headers } })).text()
      )?.[1]
    assert.strictEqual(await again("/exports/a?x=1"), "NotImplemented")
    assert.strictEqual(await again("/exports/b?x=1"), "SignatureDoesNotMatch")
    assert.strictEqual(await again("/exports/a?x=2"), "SignatureDoesNotMatch")
    assert.strictEqual(await again("/exports/a?x=1", { "x-amz-copy-source": "/exports/b" }), "AccessDenied")
  })

  it("needs the session token until it expires", async () => {
    const { store } = await start({ sessionToken: "token" })
    const send = clientOf(store, { sessionToken: "token" })
    assert.strictEqual(said(await clientOf(store)("GET", "/exports/a")), "400 InvalidToken")
    assert.strictEqual(said(await send("GET", "/exports/a")), "404 NoSuchKey")
    store.setExpired(true)
    assert.strictEqual(said(await send("GET", "/exports/a")), "400 ExpiredToken")
  })

  it("finds its bucket in the host name too", async () => {
    const { store } = await start()
    store.contents.put("exports", "a/b", "hello")
    const { port } = new URL(store.endpoint)
    for (const host of [`exports.localhost:${port}`, "exports.s3.us-east-1.amazonaws.com"]) {
      const headers = { ...(await signedHeaders(store, `http://${host}/a/b`)), host }
      const [response] = (await once(get({ host: "127.0.0.1", port, path: "/a/b", headers }), "response")) as [
        IncomingMessage
      ]
      assert.strictEqual(await text(response), "hello")
    }
  })
})

describe("a conditional write", () => {
  it("is done only if its condition holds", async () => {
    const { send } = await start()
    const put = (headers: Record<string, string>, key = "a") => send("PUT", `/exports/${key}`, { body: "x", headers })
    const first = await put({ "if-none-match": "*" })
    assert.strictEqual(said(first), 200)
    assert.strictEqual(said(await put({ "if-none-match": "*" })), "412 PreconditionFailed")
    assert.strictEqual(said(await put({ "if-none-match": '"x"' })), "501 NotImplemented")
    assert.strictEqual(said(await put({ "if-match": first.headers.get("etag") ?? "" })), 200)
    assert.strictEqual(said(await put({ "if-match": '"other"' })), "412 PreconditionFailed")
    assert.strictEqual(said(await put({ "if-match": '"other"' }, "absent")), "404 NoSuchKey")
  })

  it("has one winner among many", async () => {
    const { send } = await start()
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        send("PUT", "/exports/a", { body: String(index), headers: { "if-none-match": "*" } })
      )
    )
    assert.lengthOf(
      replies.filter(({ status }) => status === 200),
      1
    )
  })

  it("is careless or asks for ETags without quotes where it is told so", async () => {
    const careless = await start({ ignoreConditions: true })
    careless.store.contents.put("exports", "a", "x")
    assert.strictEqual(said(await careless.send("PUT", "/exports/a", { headers: { "if-none-match": "*" } })), 200)
    const { send, store } = await start({ unquotedIfMatch: true })
    const { etag } = store.contents.put("exports", "a", "x")
    assert.strictEqual(
      said(await send("PUT", "/exports/a", { headers: { "if-match": `"${etag}"` } })),
      "412 PreconditionFailed"
    )
    assert.strictEqual(said(await send("PUT", "/exports/a", { headers: { "if-match": etag } })), 200)
    assert.strictEqual(
      said(await send("PUT", "/exports/b", { headers: { "if-match": etag } })),
      "412 PreconditionFailed"
    )
  })
})

describe("an object", () => {
  it("is read in ranges, and only if it is the one that is meant", async () => {
    const { send, store } = await start()
    const { etag } = store.contents.put("exports", "a", "0123456789")
    const read = (headers: Record<string, string>) => send("GET", "/exports/a", { headers })
    const part = await read({ range: "bytes=2-4", "if-match": `"${etag}"` })
    assert.deepStrictEqual([part.status, part.text, part.headers.get("content-range")], [206, "234", "bytes 2-4/10"])
    assert.strictEqual((await read({ range: "bytes=7-" })).text, "789")
    assert.strictEqual((await read({ range: "bytes=-3" })).text, "789")
    assert.strictEqual(said(await read({ range: "bytes=10-" })), "416 InvalidRange")
    assert.strictEqual(said(await read({ "if-match": '"other"' })), "412 PreconditionFailed")
    assert.strictEqual(said(await read({ "if-none-match": `"${etag}"` })), 304)
  })

  it("keeps what was noted with it, copied too", async () => {
    const { send } = await start()
    const headers = { "x-amz-meta-sha256": "abc", "content-type": "text/csv" }
    await send("PUT", "/exports/a", { body: "x", headers })
    await send("PUT", "/exports/b", { headers: { "x-amz-copy-source": "/exports/a" } })
    for (const key of ["a", "b"]) {
      const found = await send("HEAD", `/exports/${key}`)
      assert.deepStrictEqual(
        Object.keys(headers).map((name) => found.headers.get(name)),
        ["abc", "text/csv"]
      )
    }
  })

  it("is copied, and removed alone or with others", async () => {
    const { send, store } = await start({ maxCopyBytes: 10 })
    store.contents.put("exports", "a b", "hello")
    store.contents.put("exports", "large", "x".repeat(11))
    const copy = (source: string, headers = {}) =>
      send("PUT", "/exports/c", { headers: { "x-amz-copy-source": source, ...headers } })
    assert.strictEqual(said(await copy("/exports/a%20b")), 200)
    assert.strictEqual(store.contents.text("exports", "c"), "hello")
    assert.strictEqual(said(await copy("/exports/absent")), "404 NoSuchKey")
    assert.strictEqual(said(await copy("/exports/large")), "400 InvalidRequest")
    assert.strictEqual(
      said(await copy("/exports/a%20b", { "x-amz-copy-source-if-match": '"x"' })),
      "412 PreconditionFailed"
    )
    assert.strictEqual(said(await send("DELETE", "/exports/c")), 204)
    assert.strictEqual(said(await send("DELETE", "/exports/c")), 204)
    const body = "<Delete><Object><Key>a b</Key></Object><Object><Key>absent</Key></Object></Delete>"
    const md5 = createHash("md5").update(body).digest("base64")
    assert.strictEqual(said(await send("POST", "/exports/?delete", { body })), "400 InvalidRequest")
    assert.strictEqual(
      said(await send("POST", "/exports/?delete", { body, headers: { "content-md5": "AAAAAAAAAAAAAAAAAAAAAA==" } })),
      "400 BadDigest"
    )
    assert.strictEqual(said(await send("POST", "/exports/?delete", { body, headers: { "content-md5": md5 } })), 200)
    assert.deepStrictEqual(store.contents.keys("exports"), ["large"])
  })
})

describe("an upload in parts", () => {
  const complete = (parts: ReadonlyArray<readonly [number, string | null]>) =>
    `<CompleteMultipartUpload>${parts
      .map(([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`)
      .join("")}</CompleteMultipartUpload>`

  it("is one object once its parts are named in order, each long enough and as it was sent", async () => {
    const { send, store } = await start({ minPartBytes: 4 })
    const created = await send("POST", "/exports/a?uploads")
    const [id = ""] = texts(created, "UploadId")
    const part = async (number: number, body: string) =>
      (await send("PUT", `/exports/a?partNumber=${number}&uploadId=${id}`, { body })).headers.get("etag")
    const [one, two, small] = [await part(1, "0123"), await part(2, "4567"), await part(3, "8")]
    const finish = async (...parts: ReadonlyArray<readonly [number, string | null]>) =>
      said(await send("POST", `/exports/a?uploadId=${id}`, { body: complete(parts) }))
    assert.strictEqual(await finish(), "400 MalformedXML")
    assert.strictEqual(await finish([1, '"x"']), "400 InvalidPart")
    assert.strictEqual(await finish([2, two], [1, one]), "400 InvalidPartOrder")
    assert.strictEqual(await finish([1, one], [3, small], [4, two]), "400 EntityTooSmall")
    assert.deepStrictEqual(store.contents.keys("exports"), [])
    assert.strictEqual(await finish([1, one], [2, two], [3, small]), 200)
    assert.strictEqual(store.contents.text("exports", "a"), "012345678")
    assert.match(store.contents.object("exports", "a")?.etag ?? "", /-3$/)
    assert.strictEqual(await finish([1, one]), "404 NoSuchUpload")
  })

  it("is listed until it is aborted, takes copied parts, and obeys conditions if it is told to", async () => {
    const { send, store } = await start({ pageSize: 2 })
    for (const key of ["a", "b", "b", "c"]) await send("POST", `/exports/${key}?uploads`)
    const first = await send("GET", "/exports/?uploads")
    const [key = "", id = ""] = [...texts(first, "NextKeyMarker"), ...texts(first, "NextUploadIdMarker")]
    const second = await send("GET", `/exports/?uploads&key-marker=${key}&upload-id-marker=${id}`)
    const ids = [...texts(first, "UploadId"), ...texts(second, "UploadId")]
    assert.lengthOf(new Set(ids), 4)
    assert.strictEqual(said(await send("DELETE", `/exports/a?uploadId=${ids[0]}`)), 204)
    assert.strictEqual(said(await send("DELETE", `/exports/a?uploadId=${ids[0]}`)), "404 NoSuchUpload")
    store.contents.put("exports", "source", "0123456789")
    store.contents.put("exports", "c", "present")
    const copied = await send("PUT", `/exports/c?partNumber=1&uploadId=${ids[3]}`, {
      headers: { "x-amz-copy-source": "/exports/source", "x-amz-copy-source-range": "bytes=3-5" }
    })
    const body = complete([[1, texts(copied, "ETag")[0]?.replaceAll("&quot;", '"') ?? ""]])
    const finish = (headers = {}) => send("POST", `/exports/c?uploadId=${ids[3]}`, { body, headers })
    assert.strictEqual(said(await finish({ "if-none-match": "*" })), "412 PreconditionFailed")
    assert.strictEqual(said(await finish()), 200)
    assert.strictEqual(store.contents.text("exports", "c"), "345")
  })
})

describe("a list", () => {
  it("comes in pages, in the order of the keys' bytes", async () => {
    const { send, store } = await start({ pageSize: 2 })
    const keys = ["a b", "a+b", "a/b", "a%2Fb", "aé", "a\uffee", "a😀", "b"]
    for (const key of keys) store.contents.put("exports", key, "x")
    const found: Array<string> = []
    let token = ""
    do {
      const page = await send("GET", `/exports/?list-type=2&prefix=a&encoding-type=url${token}`)
      const decoded = texts(page, "Key").map((key) => decodeURIComponent(key.replaceAll("+", " ")))
      assert.isAtMost(decoded.length, 2)
      found.push(...decoded)
      token = texts(page, "NextContinuationToken").map((next) => `&continuation-token=${next}`)[0] ?? ""
    } while (token !== "")
    assert.deepStrictEqual(found, ["a b", "a%2Fb", "a+b", "a/b", "aé", "a\uffee", "a😀"])
    const after = await send("GET", "/exports/?list-type=2&start-after=a%C3%A9&max-keys=1")
    assert.deepStrictEqual(texts(after, "Key"), ["a\uffee"])
    const groups = await send("GET", "/exports/?list-type=2&delimiter=%2F&start-after=a%2B")
    assert.deepStrictEqual([texts(groups, "Key"), texts(groups, "Prefix")], [["a+b"], ["", "a/"]])
  })
})

describe("a fault", () => {
  const isPut = ({ operation }: { readonly operation: string }) => operation === "PutObject"

  it("meets the requests that it is meant for, with or without what they ask for", async () => {
    const { send, store } = await start()
    const put = (key: string) => send("PUT", `/exports/${key}`, { body: "0123456789" })
    store.setFaults([
      { fault: "slow-down", when: isPut, nth: 1 },
      { fault: "internal-error", when: isPut, nth: 2 },
      { fault: "conflict", when: isPut, nth: 3 },
      { fault: { status: 502, headers: { "content-type": "text/html" }, body: "<html>" }, when: isPut, nth: 4 },
      { fault: "cut", when: isPut, nth: 5 },
      { fault: "lost-answer", when: isPut, nth: [6, 7] },
      { fault: "half-body", when: ({ method }) => method === "GET" }
    ])
    assert.strictEqual(said(await put("1")), "503 SlowDown")
    assert.strictEqual(said(await put("2")), "500 InternalError")
    assert.strictEqual(said(await put("3")), "409 ConditionalRequestConflict")
    assert.strictEqual((await put("4")).text, "<html>")
    assert.strictEqual(await failure(put("5")), "TypeError")
    assert.deepStrictEqual(store.contents.keys("exports"), [])
    assert.strictEqual(await failure(put("6")), "TypeError")
    assert.strictEqual(await failure(put("7")), "TypeError")
    assert.strictEqual(said(await put("8")), 200)
    assert.deepStrictEqual(store.contents.keys("exports"), ["6", "7", "8"])
    assert.strictEqual(await failure(send("GET", "/exports/8")), "TypeError")
    assert.deepStrictEqual(
      store.requests.map(({ happened, status }) => [status, happened]),
      [
        [503, false],
        [500, false],
        [409, false],
        [502, false],
        [undefined, false],
        [undefined, true],
        [undefined, true],
        [200, true],
        [200, true]
      ]
    )
  })

  it("can be an answer that never comes, before or after what was asked for", async () => {
    const { store } = await start({ faults: [{ fault: "hang", nth: 1 }, { fault: "late-hang" }] })
    const send = clientOf(store)
    const answers = [send("PUT", "/exports/1", { body: "x" }), send("PUT", "/exports/2", { body: "x" })].map(failure)
    while (store.requests.length < 2 || !store.requests.some(({ happened }) => happened)) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    assert.lengthOf(store.contents.keys("exports"), 1)
    await store.stop()
    assert.deepStrictEqual(await Promise.all(answers), ["TypeError", "TypeError"])
    running.length = 0
  })

  it("can be a hook that holds a request up, or drops it", async () => {
    const { send, store } = await start()
    const order: Array<string> = []
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    store.setHook(({ key }) => {
      if (key === "dropped") return "drop"
      return key === "held" ? held : undefined
    })
    const late = send("PUT", "/exports/held", { body: "x" }).then(() => order.push("held"))
    await send("PUT", "/exports/other", { body: "x" }).then(() => order.push("other"))
    assert.strictEqual(await failure(send("PUT", "/exports/dropped", { body: "x" })), "TypeError")
    assert.deepStrictEqual(store.contents.keys("exports"), ["other"])
    release()
    await late
    assert.deepStrictEqual(order, ["other", "held"])
    assert.deepStrictEqual(store.contents.keys("exports"), ["held", "other"])
  })
})

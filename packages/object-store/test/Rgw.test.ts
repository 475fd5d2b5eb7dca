/**
 * Ceph RGW starts, and the stand-in answers as it does.
 */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { startObjectStore } from "../src/ObjectStore.ts"
import * as Rgw from "../src/Rgw.ts"
import { clientOf, type Peer, type Reply, texts } from "./client.ts"

/** What a client meets at a store; the same everywhere but for what is told apart below. */
const answers = async (peer: Peer) => {
  const send = clientOf(peer)
  const met: Array<unknown> = []
  const note = (reply: Reply) => {
    met.push([reply.status, reply.code])
    return reply
  }
  const put = (key: string, headers: Record<string, string> = {}) =>
    send("PUT", `/exports/${key}`, { body: "hello", headers })
  note(await send("GET", "/exports/a"))
  const { headers } = note(await put("a%20b%2B%C3%A9", { "if-none-match": "*" }))
  note(await put("a%20b%2B%C3%A9", { "if-none-match": "*" }))
  note(await put("a%20b%2B%C3%A9", { "if-match": (headers.get("etag") ?? "").replaceAll('"', "") }))
  note(await put("a%20b%2B%C3%A9", { "if-match": "other" }))
  note(await put("a", { "x-amz-content-sha256": "0".repeat(64) }))
  met.push(headers.get("etag"), (await send("GET", "/exports/a%20b%2B%C3%A9")).text)
  note(await send("GET", "/absent/a"))
  note(await clientOf({ ...peer, accessKeyId: "other" })("GET", "/exports/a"))
  note(await clientOf({ ...peer, secretAccessKey: "other" })("GET", "/exports/a"))
  note(await put("source"))
  note(await send("PUT", "/exports/copy", { headers: { "x-amz-copy-source": "/exports/source" } }))
  note(await send("PUT", "/exports/copy", { headers: { "x-amz-copy-source": "/exports/absent" } }))
  met.push(texts(await send("GET", "/exports/?list-type=2"), "Key"))
  note(await send("DELETE", "/exports/copy"))
  note(await send("DELETE", "/exports/copy"))
  const [id = ""] = texts(await send("POST", "/exports/m?uploads"), "UploadId")
  met.push(texts(await send("GET", "/exports/?uploads"), "Key"))
  note(await send("DELETE", `/exports/m?uploadId=${id}`))
  note(await send("DELETE", `/exports/m?uploadId=${id}`))
  return met
}

describe.skipIf(!Rgw.isInstalled)(`Ceph RGW (needs ${Rgw.packages.join(", ")})`, () => {
  let rgw: Rgw.RunningRgw
  beforeAll(async () => {
    rgw = await Rgw.startRgw()
  }, 120_000)
  afterAll(() => rgw.stop())

  it("answers as the stand-in", async () => {
    await clientOf(rgw)("PUT", "/exports")
    const store = await startObjectStore()
    try {
      assert.deepStrictEqual(await answers(rgw), await answers(store))
    } finally {
      await store.stop()
    }
  })
})

import { assert, describe, it } from "vitest"
import { hasRedis, startRedis } from "../src/Redis.ts"

if (!hasRedis) console.warn("skipped: the tests that need Redis, which is not installed here")

describe.skipIf(!hasRedis)("a server", () => {
  it("answers, beside others, and is empty after a restart", async () => {
    const servers = await Promise.all([startRedis(), startRedis({ password: "secret" }), startRedis({ tls: true })])
    try {
      await Promise.all(
        servers.map(async ({ restart, send }) => {
          assert.strictEqual(await send("SET", "a", "1"), "OK")
          assert.strictEqual(await send("GET", "a"), "1")
          await restart()
          assert.strictEqual(await send("GET", "a"), "")
        })
      )
    } finally {
      await Promise.all(servers.map(({ stop }) => stop()))
    }
  })

  it("is silent while it is frozen", async () => {
    const server = await startRedis()
    try {
      server.freeze()
      const answer = server.send("PING")
      assert.strictEqual(
        await Promise.race([answer, new Promise((done) => setTimeout(done, 200, "nothing"))]),
        "nothing"
      )
      server.thaw()
      assert.strictEqual(await answer, "PONG")
    } finally {
      await server.stop()
    }
  })
})

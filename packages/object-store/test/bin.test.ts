/**
 * The store as a process.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { assert, it } from "vitest"
import { clientOf } from "./client.ts"

const bin = fileURLToPath(new URL("../src/bin.ts", import.meta.url))

it("prints where it is and what it wants, and ends with 0 on SIGTERM", async () => {
  const child = spawn(process.execPath, [bin, "--bucket", "one", "--bucket", "two"], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  try {
    const [lines] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string]
    const environment = Object.fromEntries(
      lines
        .trim()
        .split("\n")
        .map((line) => line.split(/=(.*)/s))
    )
    const send = clientOf({
      endpoint: environment.AWS_ENDPOINT_URL_S3 ?? "",
      accessKeyId: environment.AWS_ACCESS_KEY_ID ?? "",
      secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? ""
    })
    assert.strictEqual((await send("PUT", "/two/a", { body: "x" })).status, 200)
    assert.strictEqual((await send("PUT", "/three/a", { body: "x" })).status, 404)
    child.kill("SIGTERM")
    assert.deepStrictEqual(await once(child, "exit"), [0, null])
  } finally {
    child.kill("SIGKILL")
  }
})

import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { type Answer, row, type Seen, serve } from "./promiseServer.ts"

interface Outcome {
  readonly code: unknown
  readonly out: ReadonlyArray<string>
  readonly err: string
}

const run = (name: string, env: Record<string, string>): Promise<Outcome> =>
  new Promise((resolve) => {
    const file = fileURLToPath(new URL(`../examples/${name}`, import.meta.url))
    execFile(process.execPath, [file], { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, out: stdout.trimEnd().split("\n"), err: stderr })
    })
  })

const against = async (
  count: number,
  name: string,
  options: { readonly intercept?: (seen: Seen) => Answer | undefined; readonly env?: Record<string, string> } = {}
) => {
  await using server = await serve(count, options.intercept)
  return await run(name, { HYPERBROWSER_API_KEY: "key-1", HYPERBROWSER_BASE_URL: server.url, ...options.env })
}

const rejected = (): Answer => [401, { message: "no such key" }]

describe("the example", () => {
  it("with-effect.ts prints the sessions of the last day and what is known of the read", async () => {
    const fresh = { ...row(0), createdAt: new Date().toISOString(), creditsUsed: 0.25 }
    const intercept = ({ status }: Seen): Answer =>
      status === "active"
        ? [200, { sessions: [fresh, row(4)], totalCount: 2, page: 1, pageSize: 10 }]
        : [500, { message: "another query was expected" }]
    const { code, err, out } = await against(0, "with-effect.ts", { intercept })
    assert.deepStrictEqual([code, out[0], err], [0, `${fresh.id} 0.25 credits`, ""])
    assert.match(out[1] ?? "", /^1 sessions, (proven|unproven)$/)
  })

  it("with-effect.ts says that the key was rejected", async () => {
    const { err } = await against(0, "with-effect.ts", { intercept: rejected })
    assert.include(err, "the API key was rejected (HTTP 401)")
  })

  it("without-effect.ts prints sessions and their number", async () => {
    const { code, out } = await against(25, "without-effect.ts")
    assert.deepStrictEqual(
      [code, out[0], out.length, out.at(-1)],
      [0, `${row(1).id} 0 credits`, 19, "25 sessions in all"]
    )
  })

  it("without-effect.ts prints the code of a failure", async () => {
    const { code, err } = await against(0, "without-effect.ts", { intercept: rejected })
    assert.deepStrictEqual([code, err.split(" ")[0]], [1, "UNAUTHORIZED"])
  })

  it("own-layer.ts sends its requests another way", async () => {
    const { code, out } = await against(25, "own-layer.ts")
    assert.deepStrictEqual([code, out[0], out.at(-1)], [0, "GET /api/sessions", "25 sessions"])
  })

  it("metrics.ts prints what was counted", async () => {
    const { code, out } = await against(25, "metrics.ts")
    assert.strictEqual(code, 0)
    assert.match(out.join("\n"), /^hb_sessions_rows_read \d+$/m)
  })

  it("resume.ts goes on where it stopped", async () => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "resume-"))
    try {
      const env = { TOKEN_FILE: Path.join(folder, "token"), HB_SESSIONS_RETRIES: "0" }
      const intercept = ({ page }: Seen): Answer | undefined => (page > 2 ? [503, {}] : undefined)
      const first = await against(47, "resume.ts", { env, intercept })
      assert.deepStrictEqual([first.code, first.out.filter((line) => line.startsWith("0000")).length], [1, 20])
      const second = await against(47, "resume.ts", { env })
      assert.deepStrictEqual([second.code, second.out[0], second.out.length], [0, row(20).id, 27])
      assert.isFalse(Fs.existsSync(env.TOKEN_FILE))
    } finally {
      Fs.rmSync(folder, { recursive: true })
    }
  })
})

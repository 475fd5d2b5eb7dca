/**
 * What is found of a bucket that was changed by hand, and what a run makes of it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { recipient } from "./recipient.ts"
import { strict } from "./store/stores.ts"
import { environment, run } from "./support.ts"

describe.concurrent("a bucket that was changed", () => {
  it.live("does not verify, with a line for each problem", () =>
    Effect.gen(function* () {
      const store = yield* strict()
      const env = { ...environment(yield* Simulator), ...store.environment }
      const { contents } = store.running
      const out = ["--out", "s3://exports/a"]
      for (const _ of [1, 2]) assert.strictEqual((yield* run(env, "run", ...out)).code, 0)
      assert.strictEqual((yield* run(env, "verify", ...out)).code, 0)
      const data = contents.keys("exports").filter((key) => key.endsWith("/sessions.csv"))
      const [first = "", second = ""] = data
      contents.remove("exports", first)
      contents.put("exports", second, "id\r\n")
      contents.put("exports", "a/sessions.csv", "id\r\n")
      contents.put("exports", "a/stranger", "x")
      const { code, stderr } = yield* run(env, "verify", ...out)
      assert.strictEqual(code, 74)
      const lines = stderr.trimEnd().split("\n")
      assert.lengthOf(lines, 5)
      for (const [path, problem] of [
        [first, "is missing"],
        [second, "bytes 4 instead of"],
        ["a/sessions.csv", "is not the current data"],
        ["a/stranger", "was not published"]
      ] as const) {
        const line = lines.find((each) => each.startsWith(`${path.replace("a/", "")}: `))
        assert.include(line, problem)
      }
    }).pipe(Effect.provide(Simulator.layer({ sessions: 10 })), Effect.scoped)
  )

  it.live("is put right by the next run where manifest.json is gone or old, and rejected where its copy is", () =>
    Effect.gen(function* () {
      const store = yield* strict()
      const env = { ...environment(yield* Simulator), ...store.environment }
      const { contents } = store.running
      const words = ["run", "--out", "s3://exports/a"]
      assert.strictEqual((yield* run(env, ...words)).code, 0)
      const old = contents.text("exports", "a/manifest.json") ?? ""
      assert.strictEqual((yield* run(env, ...words)).code, 0)
      contents.put("exports", "a/manifest.json", old)
      assert.strictEqual((yield* run(env, ...words)).code, 0)
      contents.remove("exports", "a/manifest.json")
      assert.strictEqual((yield* run(env, ...words)).code, 0)
      const generation = JSON.parse(contents.text("exports", "a/manifest.json") ?? "{}").generation
      assert.strictEqual(generation, 4)
      assert.strictEqual((yield* run(env, "verify", "--out", "s3://exports/a")).code, 0)
      contents.remove("exports", "a/generations/00000004/manifest.json")
      const { code, stderr } = yield* run(env, ...words)
      assert.strictEqual(code, 2)
      assert.match(stderr, /a\/generations\/00000004\/manifest\.json does not exist; copy the first to the second/)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 10 })), Effect.scoped)
  )

  it.live(
    "ends a run with the exit code that says what to do: credentials 3, bucket 2, region 2, conditions 2, outage 74",
    () =>
      Effect.gen(function* () {
        const store = yield* strict()
        const careless = yield* strict({ ignoreConditions: true })
        // Every object is there for a condition, and for nothing else.
        const odd = yield* recipient(({ method }, response) => {
          response.statusCode = method === "PUT" ? 412 : 404
          response.end(`<Error><Code>${method === "PUT" ? "PreconditionFailed" : "NoSuchKey"}</Code></Error>`)
        })
        const env = { ...environment(yield* Simulator), ...store.environment }
        const cases: ReadonlyArray<readonly [Readonly<Record<string, string>>, string, number, RegExp]> = [
          // First, as it waits for its retries, and the others do not wait for it.
          [{ AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9" }, "s3://exports/a", 74, /could not be reached/],
          [{ AWS_SECRET_ACCESS_KEY: "wrong" }, "s3://exports/a", 3, /check AWS_SECRET_ACCESS_KEY/],
          [{ AWS_ACCESS_KEY_ID: "unknown" }, "s3://exports/a", 3, /check AWS_ACCESS_KEY_ID/],
          [{ AWS_ACCESS_KEY_ID: "" }, "s3://exports/a", 3, /AWS_ACCESS_KEY_ID is not/],
          [{ AWS_REGION: "eu-central-1" }, "s3://exports/a", 2, /AWS_REGION=us-east-1/],
          [{}, "s3://nowhere/a", 2, /the bucket nowhere does not exist/],
          [{}, "gs://exports/a", 2, /--out takes a directory or s3:\/\/bucket\/prefix/],
          [{}, "s3:/exports/a", 2, /--out takes a directory or s3:\/\/bucket\/prefix/],
          [{ AWS_ENDPOINT_URL_S3: careless.endpoint }, "s3://exports/a", 2, /ignores the condition If-None-Match/],
          [{ AWS_ENDPOINT_URL_S3: new URL(odd.url).origin }, "s3://exports/a", 2, /says both that .* \(HTTP 412\) and/]
        ]
        yield* Effect.forEach(
          cases,
          ([changes, out, expected, message]) =>
            Effect.gen(function* () {
              const { code, stderr } = yield* run({ ...env, ...changes }, "run", "--out", out)
              assert.strictEqual(code, expected, stderr)
              assert.match(stderr, message)
              assert.strictEqual(stderr.trimEnd().split("\n").length, 1, stderr)
              assert.notInclude(stderr, "test-secret")
            }),
          { concurrency: 2, discard: true }
        )
      }).pipe(Effect.provide(Simulator.layer({ sessions: 10 })), Effect.scoped)
  )
})

/**
 * What the client makes of answers that mean no, and of servers that are no object store.
 */
import { assert, describe, it } from "@effect/vitest"
import type { OtherAnswer, RequestInfo } from "@hb-sessions/object-store/Faults"
import { Cause, Effect, Option, Stream } from "effect"
import type { PlatformError } from "effect/PlatformError"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import { S3Client } from "../src/s3/S3Client.ts"
import { type S3Error, toAppError } from "../src/s3/S3Error.ts"
import { bucketUrl } from "../src/s3/S3Url.ts"
import { measuresOf, store, withClient } from "./s3.ts"
import { scratch } from "./support.ts"

type Call = (s3: S3Client["Service"]) => Effect.Effect<unknown, S3Error | PlatformError>

const get: Call = (s3) => s3.get("a")
const head: Call = (s3) => s3.head("a")
const put: Call = (s3) => s3.put("a", "x")
const list: Call = (s3) => Stream.runDrain(s3.list(""))
const copy: Call = (s3) => s3.copy("a", "b")
const remove: Call = (s3) => s3.remove(["a", "b"])

/** What a call fails with, as it is shown; `none` if it does not fail. */
const failure = (environment: Readonly<Record<string, string>>, call: Call) =>
  S3Client.use((s3) => Effect.asVoid(call(s3))).pipe(
    withClient({ environment, limits: { retries: 2, listPages: 6 } }),
    Effect.match({
      onSuccess: () => "none",
      onFailure: (error) => {
        if (error._tag !== "S3Error") return error.message
        const { exitCode, message } = toAppError(error)
        return `${exitCode} ${message}`
      }
    })
  )

/** What a call fails with when the store gives this answer. */
const answered = (answer: OtherAnswer, call: Call) =>
  Effect.gen(function* () {
    const peer = yield* store()
    peer.contents.put("exports", "team/a", "x")
    peer.setFaults([{ fault: answer, when: ({ method }) => call !== copy || method !== "HEAD" }])
    return { text: yield* failure(peer.environment, call), requests: peer.requests.length }
  }).pipe(Effect.scoped)

const xml = (body: string, status = 200): OtherAnswer => ({
  status,
  headers: { "content-type": "application/xml" },
  body
})

const error = (code: string, status: number) => xml(`<Error><Code>${code}</Code><Message>m</Message></Error>`, status)

describe("a store that says no", () => {
  it.live("has it told why, with the exit code of what helps", () =>
    Effect.gen(function* () {
      for (const [answer, call, text] of [
        [error("AccessDenied", 403), put, /^3 .*PutObject: access denied; the credentials need s3:PutObject/],
        [error("AccessDenied", 403), list, /^3 s3:\/\/exports\/team: .*need s3:ListBucket/],
        [error("AccessDenied", 403), head, /^3 .*need s3:GetObject on it, and s3:ListBucket on the bucket/],
        [error("NoSuchBucket", 404), get, /^2 .*the bucket exports does not exist/],
        [error("NoSuchBucket", 404), head, /^2 .*the bucket exports does not exist/],
        [error("ExpiredToken", 400), get, /^3 .*\(ExpiredToken\); check AWS_SESSION_TOKEN/],
        [error("InvalidToken", 400), get, /^3 .*\(InvalidToken\); check AWS_SESSION_TOKEN/],
        [error("Unauthorized", 401), get, /^3 .*\(Unauthorized\); check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/],
        [error("SlowDown", 503), get, /^74 .*after 3 attempts \(HTTP 503 SlowDown\); try again later/],
        [error("ConditionalRequestConflict", 409), put, /^74 .*after 3 attempts \(HTTP 409/],
        [error("RequestTimeout", 400), put, /^74 .*after 3 attempts \(HTTP 400 RequestTimeout\)/],
        [error("InvalidBucketState", 409), put, /^7 .*unexpected answer HTTP 409 InvalidBucketState/],
        [
          { ...error("PermanentRedirect", 301), headers: { "x-amz-bucket-region": "eu-west-3" } },
          get,
          /^2 .*is in the region eu-west-3, not us-east-1; set AWS_REGION=eu-west-3/
        ]
      ] as const) {
        assert.match((yield* answered(answer, call)).text, text)
      }
    })
  )

  it.live("has the region, the clock or the token named that is wrong", () =>
    Effect.gen(function* () {
      const paris = yield* store({ region: "eu-west-3" })
      const wrong = { ...paris.environment, AWS_REGION: "us-east-1" }
      for (const call of [get, head, put]) {
        assert.match(yield* failure(wrong, call), /^2 .*set AWS_REGION=eu-west-3/)
      }
      const early = yield* store()
      early.advanceClock(3_600_000)
      assert.match(yield* failure(early.environment, get), /^2 .*is 3[56]\d\d s behind the object store's; correct it/)
      const session = yield* store({ sessionToken: "token-canary" })
      assert.strictEqual(yield* failure(session.environment, put), "none")
      session.setExpired(true)
      assert.match(yield* failure(session.environment, head), /^3 .*\(ExpiredToken\); check AWS_SESSION_TOKEN/)
    }).pipe(Effect.scoped)
  )

  it.live("is believed when it says so with status 200", () =>
    Effect.gen(function* () {
      assert.match((yield* answered(error("InternalError", 200), copy)).text, /^74 .*CopyObject: .*after 3 attempts/)
      assert.match((yield* answered(error("SlowDown", 200), copy)).text, /^74 .*CopyObject: .*after 3 attempts/)
      assert.match((yield* answered(error("AccessDenied", 200), copy)).text, /^3 .*CopyObject: access denied/)
      const one = (code: string) => xml(`<DeleteResult><Error><Key>k</Key><Code>${code}</Code></Error></DeleteResult>`)
      assert.match((yield* answered(one("AccessDenied"), remove)).text, /^3 .*need s3:DeleteObject/)
      assert.match((yield* answered(one("InternalError"), remove)).text, /^74 .*after 3 attempts/)
      assert.strictEqual((yield* answered(one("NoSuchKey"), remove)).text, "none")
    })
  )

  it.live("has objects removed one by one if it cannot do it otherwise", () =>
    Effect.gen(function* () {
      const peer = yield* store({ deleteObjects: false })
      for (const key of ["a", "b", "c"]) peer.contents.put("exports", `team/${key}`, "x")
      assert.strictEqual(yield* failure(peer.environment, remove), "none")
      assert.deepStrictEqual(peer.contents.keys("exports"), ["team/c"])
    }).pipe(Effect.scoped)
  )

  it.live("lists and removes more objects than fit into a request", () =>
    Effect.gen(function* () {
      const peer = yield* store({ pageSize: 300 })
      const keys = Array.from({ length: 1001 }, (_, index) => `key ${index}`)
      for (const key of keys) peer.contents.put("exports", `team/${key}`, "x")
      yield* S3Client.use((s3) =>
        Effect.gen(function* () {
          assert.lengthOf(yield* Stream.runCollect(s3.list("")), 1001)
          yield* s3.remove(keys)
        })
      ).pipe(withClient(peer))
      assert.deepStrictEqual(peer.contents.keys("exports"), [])
      assert.lengthOf(peer.requests, 6)
    }).pipe(Effect.scoped)
  )
})

const bomb = `<!DOCTYPE a [${Array.from({ length: 20 }, (_, n) => `<!ENTITY e${n + 1} "&e${n};&e${n};&e${n};">`).join("")}<!ENTITY e0 "x">]><ListBucketResult><Prefix>&e20;</Prefix></ListBucketResult>`

const page = (rest: string) => xml(`<ListBucketResult>${rest}</ListBucketResult>`)

const contents = (key: string) =>
  `<Contents><Key>${key}</Key><Size>1</Size><ETag>"x"</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>`

describe("a server that is no object store", () => {
  it.live("is found out by its answers", () =>
    Effect.gen(function* () {
      const html = (status: number): OtherAnswer => ({
        status,
        headers: { "content-type": "text/html" },
        body: "<html>"
      })
      for (const [answer, call, text] of [
        [html(200), list, /^7 .*HTTP 200 without a ListBucketResult; check AWS_ENDPOINT_URL_S3$/],
        [html(200), put, /^7 .*unexpected answer without an ETag$/],
        [html(200), get, /^7 .*unexpected answer without an ETag$/],
        [html(404), get, /^7 .*unexpected answer HTTP 404; what answered may not be an object store/],
        [html(404), head, /^7 .*unexpected answer HTTP 404; what answered may not be/],
        [html(403), get, /^7 .*unexpected answer HTTP 403; what answered may not be/],
        [html(502), get, /^74 .*after 3 attempts \(HTTP 502\)/],
        [{ ...html(503), body: "x".repeat(300_000) }, get, /^74 .*after 3 attempts \(HTTP 503\)/],
        [xml(bomb), list, /^7 .*without a ListBucketResult/],
        [xml("<ListBucketResult>".repeat(100_000)), list, /^7 .*without a ListBucketResult/],
        [page("<IsTruncated>false"), list, /^7 .*without a ListBucketResult/],
        [page("x".repeat(9 * 1024 ** 2)), list, /^7 .*with more than 8388608 bytes/],
        [page("<IsTruncated>true</IsTruncated>"), list, /^7 .*a list that does not go on/],
        [
          page("<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"),
          list,
          /^7 .*a list that does not go on/
        ],
        [page(contents("other/a")), list, /^7 .*a list of other keys than were asked for/],
        [page(contents("team/a").replace("1", "-1")), list, /^7 .*a list without sizes or times/],
        [{ status: 204 }, copy, /^7 .*HTTP 204 without a CopyObjectResult/]
      ] as const) {
        assert.match((yield* answered(answer, call)).text, text)
      }
    })
  )

  it.live("is not listed without an end", () =>
    Effect.gen(function* () {
      const peer = yield* store()
      const to = (token: string) =>
        page(`<IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken>`)
      const isAtA = ({ query }: RequestInfo) => query.get("continuation-token") === "a"
      peer.setFaults([{ fault: to("b"), when: isAtA }, { fault: to("a") }])
      assert.match(yield* failure(peer.environment, list), /^7 .*a list that does not go on/)
      assert.lengthOf(peer.requests, 6)
    }).pipe(Effect.scoped)
  )

  it.live("does not lead to another host", () =>
    Effect.gen(function* () {
      const other = yield* store()
      const location = `${other.endpoint}/exports/team/a`
      for (const status of [301, 302, 307, 308]) {
        for (const call of [get, head, put]) {
          const { requests, text } = yield* answered({ status, headers: { location } }, call)
          assert.match(text, /^7 .*unexpected redirect to 127\.0\.0\.1:\d+ \(HTTP 30\d\), which is not followed/)
          assert.strictEqual(requests, call === head ? 2 : 1)
        }
      }
      assert.deepStrictEqual(other.requests, [])
    }).pipe(Effect.scoped)
  )

  it.live("cannot fill the memory", () =>
    Effect.gen(function* () {
      const peer = yield* store()
      peer.contents.put("exports", "team/a", "x".repeat(1001))
      assert.match(
        yield* failure(peer.environment, (s3) => s3.get("a", { maxBytes: 1000 })),
        /^7 .*with more than 1000 bytes/
      )
      assert.strictEqual(yield* failure(peer.environment, (s3) => s3.get("a", { maxBytes: 1001 })), "none")
    }).pipe(Effect.scoped)
  )
})

describe("a secret", () => {
  it.live("is in no failure, whatever the store repeats", () =>
    Effect.gen(function* () {
      const secret = "secret-canary/+="
      const token = "token-canary/+="
      const peer = yield* store({ secretAccessKey: secret, sessionToken: token })
      const file = join(yield* scratch, "file")
      writeFileSync(file, "x")
      const calls: ReadonlyArray<Call> = [
        get,
        head,
        put,
        list,
        copy,
        remove,
        (s3) => s3.upload("a", file, measuresOf(Buffer.from("x")))
      ]
      const repeated = `<Error><Code>${secret}${token}</Code><RequestId>${"r".repeat(10)}</RequestId></Error>`
      for (const fault of [
        "cut",
        "slow-down",
        xml(repeated, 400),
        xml("<Error><Code>SignatureDoesNotMatch</Code></Error>", 403)
      ] as const) {
        peer.setFaults([{ fault }])
        for (const call of calls) {
          const exit = yield* S3Client.use((s3) => Effect.asVoid(call(s3))).pipe(
            withClient({ environment: peer.environment, limits: { retries: 1 } }),
            Effect.exit
          )
          assert.strictEqual(exit._tag, "Failure")
          if (exit._tag !== "Failure") continue
          const shown = [Cause.pretty(exit.cause), inspect(exit, { depth: 20 }), JSON.stringify(exit)].join()
          assert.notInclude(shown, "AWS4-HMAC")
          assert.notInclude(shown, "canary")
        }
      }
    }).pipe(Effect.scoped)
  )
})

describe("a bucket", () => {
  it("is in the host of AWS where a certificate can be for it, and in the path of other stores", () => {
    const url = (bucket: string, region: string, endpoint?: string) =>
      bucketUrl(
        { bucket, prefix: "" },
        { region, endpoint: Option.map(Option.fromNullishOr(endpoint), (text) => new URL(text)) }
      )
    assert.strictEqual(url("exports", "eu-west-3"), "https://exports.s3.eu-west-3.amazonaws.com")
    assert.strictEqual(url("exports", "cn-north-1"), "https://exports.s3.cn-north-1.amazonaws.com.cn")
    assert.strictEqual(url("my.exports", "eu-west-3"), "https://s3.eu-west-3.amazonaws.com/my.exports")
    assert.strictEqual(url("exports", "auto", "https://store.example/"), "https://store.example/exports")
    assert.strictEqual(url("exports", "auto", "http://[::1]:9000/s3/"), "http://[::1]:9000/s3/exports")
  })
})

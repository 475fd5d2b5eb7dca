/**
 * What people are told of runs, and that they are told whatever happens on the way.
 */
import { assert, describe, it } from "@effect/vitest"
import type * as Bin from "@hb-sessions/app-kit/Bin"
import { certificateFile } from "@hb-sessions/app-kit/NetworkProxy"
import { ObjectStore } from "@hb-sessions/object-store/ObjectStore"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { createServer as createTlsServer } from "node:https"
import { join } from "node:path"
import { type List, row, serve } from "./list.ts"
import { listen, notificationsOf, outcomesOf, recipient } from "./recipient.ts"
import { environment, launch, manifestOf, run, scratch, until } from "./support.ts"

const failing = { rates: { "500": 1 } }

describe.concurrent("a notification URL", () => {
  it.live("is told of failures, of the first success after them, and of nothing else", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const { told, url } = yield* recipient()
      const out = join(yield* scratch, "out")
      const exportOnce = run(environment(simulator), "run", "--out", out, "--notify-url", url)
      yield* simulator.setFaults(failing)
      assert.strictEqual((yield* exportOnce).code, 4)
      yield* simulator.setFaults({})
      for (const _ of [1, 2]) assert.strictEqual((yield* exportOnce).code, 0)
      yield* simulator.setFaults(failing)
      for (const _ of [1, 2]) assert.strictEqual((yield* exportOnce).code, 4)
      yield* simulator.setFaults({})
      assert.strictEqual((yield* exportOnce).code, 0)
      assert.deepStrictEqual(outcomesOf(told), ["failed", "recovered", "failed", "failed", "recovered"])

      const [first, recovered, second, , last] = notificationsOf(told)
      assert.deepStrictEqual(
        [first?.account, first?.destination, first?.exitCode, first?.published, first?.troubledSince],
        [out, out, 4, undefined, undefined]
      )
      assert.include(first?.message, "HTTP 500")
      assert.strictEqual(first?.text, `${out}: the export failed with exit code 4: ${first?.message}`)
      const published = { generation: 1, rows: 30, currentRows: 30, completeness: "proven" } as const
      assert.deepInclude(recovered?.published, published)
      assert.deepInclude(second?.published, { ...published, generation: 2 })
      assert.include(second?.text, "; the last success is generation 2, finished ")
      assert.deepInclude(last?.published, { ...published, generation: 3, ended: manifestOf(out).ended })
      assert.strictEqual(last?.exitCode, 0)
      assert.isAtLeast(Date.parse(last?.troubledSince ?? ""), Date.parse(second?.time ?? ""))
      assert.isBelow(Date.parse(last?.troubledSince ?? ""), Date.parse(last?.time ?? ""))
      assert.isAbove(last?.durationSeconds ?? 0, 0)
      // What was remembered is gone.
      assert.deepStrictEqual(
        readdirSync(out).filter((name) => name.startsWith(".")),
        [".lock"]
      )
    }).pipe(Effect.provide(Simulator.layer({ sessions: 30 })), Effect.scoped)
  )

  it.live("is told of what --notify-on names, and of no more", () =>
    Effect.gen(function* () {
      const now = Date.now()
      const list: List = { rows: [row("a", now, 0), row("b", now, 1)] }
      const env = yield* serve(list)
      const { told, url } = yield* recipient()
      const out = join(yield* scratch, "out")
      const exportOnce = (...on: ReadonlyArray<string>) =>
        run({ ...env, HB_SESSIONS_EXPORT_NOTIFY_URL: url }, "run", "--out", out, ...on)
      const fails: List["answer"] = (_, response) => {
        response.writeHead(500).end()
        return true
      }
      // Without a total nothing can be proven.
      const provesNothing: List["answer"] = (page, response) => {
        response.end(JSON.stringify({ sessions: list.rows.slice((page - 1) * 10, page * 10), page }))
        return true
      }
      const runs = [
        [provesNothing, []],
        [provesNothing, ["--strict"]],
        [undefined, []],
        [undefined, ["--notify-on", "succeeded"]],
        [fails, ["--notify-on", "succeeded,recovered"]],
        [undefined, ["--notify-on", " recovered , succeeded "]],
        [provesNothing, ["--notify-on", "succeeded"]],
        [provesNothing, ["--notify-on", "failed"]],
        [fails, ["--notify-on", "failed"]],
        [undefined, ["--notify-on", "unproven"]]
      ] as const
      for (const [answer, on] of runs) {
        list.answer = answer
        const { code } = yield* exportOnce(...on)
        assert.strictEqual(code, answer === fails ? 4 : on[0] === "--strict" ? 5 : 0)
      }
      assert.deepStrictEqual(outcomesOf(told), [
        "unproven",
        "failed",
        "recovered",
        "succeeded",
        "succeeded",
        "succeeded",
        "failed"
      ])
      const [unproven, strict, recovered, succeeded] = notificationsOf(told)
      assert.deepInclude(unproven?.published, { generation: 1, completeness: "unproven" })
      assert.include(unproven?.message, "but its completeness is unproven")
      assert.deepStrictEqual([unproven?.exitCode, strict?.exitCode], [0, 5])
      assert.deepInclude(strict?.published, { generation: 1, completeness: "unproven" })
      assert.deepInclude(recovered?.published, { generation: 2, completeness: "proven" })
      assert.match(succeeded?.text ?? "", /: exported 2 sessions to .*; generation 3 with 2 sessions in all, proven$/)
    }).pipe(Effect.scoped)
  )

  it.live("is told of failures before a run begins, as far as the settings tell the URL", () =>
    Effect.gen(function* () {
      const env = environment(yield* Simulator)
      const { HYPERBROWSER_API_KEY: _, ...keyless } = env
      const { told, url } = yield* recipient()
      const root = yield* scratch
      const out = join(root, "out")
      assert.strictEqual((yield* run(env, "run", "--out", out)).code, 0)
      writeFileSync(join(root, "bad.toml"), `notify_url = "${url}"\npage_size = "many"\n`)
      writeFileSync(join(root, "file"), "")
      const notify = ["--notify-url", url]
      const starts = [
        [keyless, ["run", "--out", out, ...notify], 3, "no API key"],
        [env, ["run", "--out", out, ...notify, "--keep", "1"], 2, "--keep: expected"],
        [{ ...env, HB_SESSIONS_EXPORT_KEEP: "1" }, ["run", "--out", out, ...notify], 2, "HB_SESSIONS_EXPORT_KEEP"],
        [env, ["run", "--out", out, ...notify, "--tz", ""], 2, "--tz is empty"],
        [env, ["run", "--out", out, ...notify, "--log-format", "json", "--page-size", "0"], 2, "--page-size"],
        [{ ...env, HB_SESSIONS_EXPORT_LOG_FORMAT: "xml" }, ["run", "--out", out, ...notify], 2, "LOG_FORMAT"],
        [env, ["run", "--out", out, ...notify, "--notify-url", "ftp://x"], 2, "--notify-url: expected"],
        [env, ["run", "--out", out, ...notify, "--notify-on", "disaster"], 2, "--notify-on: expected"],
        [env, ["run", "--out", out, ...notify, "--config", join(root, "none.toml")], 2, "does not exist"],
        [env, ["run", "--out", out, ...notify, "--config", join(root, "bad.toml")], 2, "page_size"],
        [env, ["run", "--out", out, ...notify, "--metrics-file", join(root, "no", "where")], 2, "does not exist"],
        [env, ["run", ...notify], 2, "--out is missing"],
        [env, ["run", "--out", join(root, "file"), ...notify], 2, "it is not a directory"],
        [env, ["schedule", "--out", out, "--cron", "nightly", ...notify], 2, "not a cron expression"],
        [keyless, ["schedule", "--out", out, "--cron", "@daily", ...notify], 3, "no API key"]
      ] as const
      for (const [environs, args, expected, problem] of starts) {
        const before = told.length
        const { code, stderr } = yield* run(environs, ...args)
        assert.deepStrictEqual([code, told.length - before], [expected, 1], `${args.join(" ")}\n${stderr}`)
        const last = notificationsOf(told).at(-1)
        assert.deepStrictEqual(
          [last?.outcome, last?.exitCode, last?.durationSeconds],
          ["failed", expected, last?.durationSeconds]
        )
        assert.include(last?.message, problem)
        assert.include(stderr, last?.message ?? "none")
        assert.notInclude(last?.text, "ftp://x")
      }
      // The published generation is known where the directory is.
      for (const index of [0, 2]) assert.strictEqual(notificationsOf(told)[index]?.published?.generation, 1)
      // A rehearsal is no run.
      assert.strictEqual((yield* run(keyless, "run", "--dry-run", "--out", out, ...notify)).code, 3)
      assert.lengthOf(told, starts.length)
      assert.strictEqual((yield* run(env, "run", "--out", out, ...notify)).code, 0)
      assert.strictEqual(notificationsOf(told).at(-1)?.outcome, "recovered")
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )

  it.live("is not told of what stopped a run, or that another one is at work", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const { told, url } = yield* recipient()
      const out = join(yield* scratch, "out")
      const args = ["run", "--out", out, "--notify-url", url]
      yield* simulator.setFaults({ script: [{ fault: "hang", page: 2 }] })
      const { child, ended } = launch(environment(simulator), args)
      const isHanging = Effect.map(simulator.stats, ({ faults }) => (faults["hang"] ?? 0) > 0)
      yield* Effect.repeat(Effect.delay(isHanging, "20 millis"), { until: (isSo) => isSo })
      assert.strictEqual((yield* run(environment(simulator), ...args)).code, 75)
      child.kill("SIGTERM")
      assert.strictEqual(yield* Effect.promise(() => ended), 143)
      yield* simulator.setFaults({})
      const fresh = ["run", "--out", `${out}-2`, ...args.slice(3), "--max-runtime", "1 millis", "--concurrency", "1"]
      const limited = yield* run(environment(simulator), ...fresh)
      assert.strictEqual(limited.code, 143)
      assert.deepStrictEqual(told, [])
    }).pipe(Effect.provide(Simulator.layer({ sessions: 30 })), Effect.scoped)
  )

  it.live("is told after the heartbeat and the metrics, once, however often it is given", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.setFaults(failing)
      const root = yield* scratch
      const metrics = join(root, "export.prom")
      const seen: Array<string> = []
      const { told, url } = yield* recipient(({ url: path = "" }, response) => {
        seen.push(`${path} ${existsSync(metrics)}`)
        response.end()
      })
      const config = join(root, "export.toml")
      writeFileSync(config, `notify_url = ["${url}", "${url}/other", "${url}"]\nnotify_on = ["failed", "stale"]\n`)
      const heartbeat = ["--heartbeat-url", url.replace("hook", "beat"), "--metrics-file", metrics]
      const args = ["run", "--out", join(root, "out"), ...heartbeat]
      const env = environment(simulator)
      assert.strictEqual((yield* run(env, ...args, "--config", config)).code, 4)
      assert.deepStrictEqual(seen.slice(0, 2), ["/beat/start false", "/beat/4 true"])
      assert.deepStrictEqual(seen.slice(2).toSorted(), ["/hook true", "/hook/other true"])
      const both = `  ${url}\n${url}/other ${url}`
      assert.strictEqual((yield* run({ ...env, HB_SESSIONS_EXPORT_NOTIFY_URL: both }, ...args)).code, 4)
      const flags = [url, `${url}/other`, url].flatMap((one) => ["--notify-url", one])
      assert.strictEqual((yield* run(env, ...args, ...flags)).code, 4)
      const hooks = told.filter(({ target }) => target.startsWith("/hook"))
      assert.lengthOf(hooks, 6)
      assert.deepStrictEqual(new Set(hooks.map(({ method }) => method)), new Set(["POST"]))
      for (const { headers } of hooks) {
        assert.strictEqual(headers["content-type"], "application/json")
        assert.match(headers["user-agent"] ?? "", /^hb-sessions-export\//)
        assert.deepStrictEqual(
          Object.keys(headers).filter((name) => /trace|b3/.test(name)),
          []
        )
      }
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )
})

describe.concurrent("a recipient that does not do its part", () => {
  const dumb = recipient(() => {})
  const endless = recipient((_, response) => {
    response.write("x")
    const more = setInterval(() => response.write("x".repeat(1000)), 5)
    response.on("close", () => clearInterval(more))
  })
  const cut = recipient((request) => request.socket.destroy())
  const half = recipient((request) => request.socket.end("HTTP/1.1 200 OK\r\ncontent-le"))

  it.live("neither fails the run, nor hides its failure, nor keeps another from being told", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.setFaults(failing)
      const elsewhere = yield* recipient()
      const good = yield* recipient()
      const faulty = {
        silent: yield* dumb,
        endless: yield* endless,
        cut: yield* cut,
        half: yield* half,
        broken: yield* recipient((_, response) => response.writeHead(500).end("canary-body")),
        gone: yield* recipient((_, response) => response.writeHead(410).end("canary-body")),
        moved: yield* recipient((_, response) => response.writeHead(307, { location: elsewhere.url }).end())
      }
      const tls = yield* listen(
        createTlsServer({
          key: readFileSync(certificateFile.replace("cert", "key")),
          cert: readFileSync(certificateFile)
        })
      )
      const closed = yield* Effect.scoped(listen(createServer()))
      const urls = [
        ...Object.values(faulty).map(({ url }) => url.replace("http://", "http://canary-user:canary-password@")),
        `https://127.0.0.1:${tls}/canary-path-of-a-token`,
        `http://127.0.0.1:${closed}/canary-path-of-a-token`,
        "http://canary.invalid/?key=canary-key",
        good.url
      ]
      const env = { ...environment(simulator), HB_SESSIONS_EXPORT_NOTIFY_URL: urls.join(" ") }
      const out = join(yield* scratch, "out")
      const { code, stderr } = yield* run(env, "run", "--out", out)
      assert.strictEqual(code, 4)
      assert.deepStrictEqual([outcomesOf(good.told), elsewhere.told], [["failed"], []])
      // What may pass is tried again, the rest is not.
      for (const one of [faulty.silent, faulty.endless, faulty.gone, faulty.moved]) assert.lengthOf(one.told, 1)
      for (const { told } of [faulty.cut, faulty.half, faulty.broken]) assert.include([2, 3], told.length)
      const problems = stderr.split("\n").filter((line) => line.includes("notification URL"))
      const expected = [
        [1, "no answer within 5s"],
        [3, "ECONNRESET"],
        [4, ""],
        [5, "it answered 500"],
        [6, "it answered 410"],
        [7, "it answered 307, and redirects are not followed"],
        [8, "DEPTH_ZERO_SELF_SIGNED_CERT"],
        [9, "ECONNREFUSED"],
        [10, ""]
      ] as const
      assert.lengthOf(problems, expected.length)
      for (const [number, problem] of expected) {
        const line = problems.find((one) => one.includes(`notification URL ${number} of ${urls.length} `)) ?? ""
        assert.include(line, `was not notified of "failed": ${problem}`)
      }
      assert.notInclude(stderr, "canary")
      yield* simulator.setFaults({})
      assert.strictEqual((yield* run(env, "run", "--out", out)).code, 0)
      assert.deepStrictEqual(outcomesOf(good.told), ["failed", "recovered"])
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )

  it.live("is told of the end of a problem by a later run", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      let isDeaf = false
      const { told, url } = yield* recipient((_, response) => response.writeHead(isDeaf ? 404 : 200).end())
      const exportOnce = run(environment(simulator), "run", "--out", join(yield* scratch, "out"), "--notify-url", url)
      yield* simulator.setFaults(failing)
      yield* exportOnce
      yield* simulator.setFaults({})
      isDeaf = true
      yield* exportOnce
      isDeaf = false
      yield* exportOnce
      yield* exportOnce
      assert.deepStrictEqual(outcomesOf(told), ["failed", "recovered", "recovered"])
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )

  it.live("is told although the run is stopped at that moment", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.setFaults(failing)
      const waiting: Array<() => void> = []
      const { told, url } = yield* recipient((_, response) => waiting.push(() => response.writeHead(503).end()))
      const out = join(yield* scratch, "out")
      const { child, ended } = launch(environment(simulator), ["run", "--out", out, "--notify-url", url])
      yield* Effect.promise(() => until(() => told.length === 1))
      child.kill("SIGTERM")
      waiting[0]?.()
      // It is tried once more.
      yield* Effect.promise(() => until(() => told.length === 2))
      waiting[1]?.()
      yield* Effect.promise(() => until(() => told.length === 3))
      waiting[2]?.()
      yield* Effect.promise(() => ended)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )
})

describe("a notification", () => {
  it.live("holds no secret, though an error quotes it", () =>
    Effect.gen(function* () {
      const key = "hb-canary-key/+1234"
      const { told, url } = yield* recipient()
      const secret = `${url.replace("http://", "http://canary-user:canary-pass%2Fword@")}/T0CANARY/B0CANARY/canary-token-of-the-hook?key=canary-key-of-the-query`
      const beat = `${url}/beat/canary-uuid-of-the-heartbeat`
      const quoted = [key, encodeURIComponent(key), btoa(`x:${key}`), secret, beat, "canary-token-of-the-hook"]
      const list: List = {
        rows: [],
        answer: (_, response) => {
          response.writeHead(400).end(JSON.stringify({ message: `no <!channel> & no\n\u202e ${quoted.pop() ?? ""}` }))
          return true
        }
      }
      const env = { ...(yield* serve(list)), HYPERBROWSER_API_KEY: key, HB_SESSIONS_EXPORT_NOTIFY_URL: secret }
      const out = join(yield* scratch, "out")
      const args = ["run", "--out", out, "--heartbeat-url", beat, "--name", `of\n\u202e${key}`]
      const total = quoted.length
      for (let left = total; left > 0; left--) {
        const { code, stderr } = yield* run(env, ...args)
        assert.strictEqual(code, 2, stderr)
      }
      // Before a run begins, too.
      assert.strictEqual((yield* run(env, ...args, "--metrics-file", join(out, "no", "where"))).code, 2)
      const posts = told.filter(({ target }) => target.includes("T0CANARY"))
      assert.lengthOf(posts, total + 1)
      for (const { account } of notificationsOf(posts)) assert.strictEqual(account, "of <redacted>")
      for (const { text, message } of notificationsOf(posts.slice(0, total))) {
        for (const part of ["canary", "CANARY", btoa(`x:${key}`).slice(4, -4), "\n", "\u202e"]) {
          assert.notInclude(`${text}${message}`, part)
        }
        assert.match(message, /no <!channel> & no +\S*<redacted>/)
        // In Slack, the plain form calls everybody.
        assert.match(text, /no &lt;!channel&gt; &amp; no +\S*&lt;redacted&gt;/)
      }
    }).pipe(Effect.scoped)
  )

  it.live("goes through the proxy of the network, as its text alone to a chat that rejects more", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.setFaults(failing)
      const proxy = yield* recipient()
      const env = {
        ...environment(simulator),
        http_proxy: proxy.url.replace("/hook", ""),
        no_proxy: "127.0.0.1",
        HB_SESSIONS_EXPORT_NOTIFY_URL: "http://chat.googleapis.com/v1/x http://hooks.slack.test/y"
      }
      const { code } = yield* run(env, "run", "--out", join(yield* scratch, "out"), "--name", "night")
      assert.strictEqual(code, 4)
      const [google, slack] = proxy.told.toSorted((a, b) => (a.target < b.target ? -1 : 1))
      assert.deepStrictEqual(
        [google?.target, slack?.target],
        ["http://chat.googleapis.com/v1/x", "http://hooks.slack.test/y"]
      )
      const [notification] = notificationsOf(slack === undefined ? [] : [slack])
      assert.strictEqual(notification?.account, "night")
      assert.deepStrictEqual(JSON.parse(google?.body ?? ""), { text: notification?.text })
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )

  it("has no member but text that Slack, Mattermost or Rocket.Chat takes for its own", () => {
    const own = new Set(
      [
        "attachments blocks channel icon_emoji icon_url link_names metadata mrkdwn parse payload priority props",
        "reply_broadcast thread_ts type unfurl_links unfurl_media username response_type replace_original",
        "delete_original alias avatar emoji fields color title fallback pretext"
      ].flatMap((names) => names.split(" "))
    )
    const { properties } = JSON.parse(readFileSync(new URL("../notification.schema.json", import.meta.url), "utf8"))
      .$defs.Notification
    assert.include(Object.keys(properties), "text")
    assert.deepStrictEqual(
      Object.keys(properties).filter((name) => own.has(name)),
      []
    )
  })
})

describe.concurrent("what is remembered of a problem", () => {
  it.live("survives a full disk, and whatever is in its place", (context) =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const { told, url } = yield* recipient()
      const root = yield* scratch
      const out = join(root, "out")
      mkdirSync(out)
      if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", out]).status !== 0) {
        return context.skip("no file system can be mounted here")
      }
      yield* Effect.addFinalizer(() => Effect.sync(() => spawnSync("umount", [out])))
      const exportOnce = run(environment(simulator), "run", "--out", out, "--notify-url", url)
      const filler = join(out, ".filler")
      spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=4k"])
      assert.strictEqual((yield* exportOnce).code, 74)
      spawnSync("rm", [filler])
      assert.strictEqual((yield* exportOnce).code, 0)
      assert.deepStrictEqual(outcomesOf(told), ["failed", "recovered"])
      // Neither a FIFO nor a directory holds up a run.
      for (const make of [["mkfifo"], ["mkdir"]] as const) {
        spawnSync(make[0], [join(out, ".note")])
        yield* simulator.setFaults(failing)
        assert.strictEqual((yield* exportOnce).code, 4)
        yield* simulator.setFaults({})
        assert.strictEqual((yield* exportOnce).code, 0)
        spawnSync("rm", ["-rf", join(out, ".note")])
      }
      const [, , ...more] = outcomesOf(told)
      assert.deepStrictEqual(more, ["failed", "recovered", "failed"])
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )

  it.live("costs no more than a message where the directory cannot be written", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const { told, url } = yield* recipient()
      const out = join(yield* scratch, "out")
      mkdirSync(out)
      chmodSync(out, 0o500)
      yield* simulator.setFaults(failing)
      const { stderr } = yield* run(environment(simulator), "run", "--out", out, "--notify-url", url)
      assert.lengthOf(stderr.trimEnd().split("\n"), 1)
      assert.deepStrictEqual(outcomesOf(told), ["failed"])
      chmodSync(out, 0o700)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )

  it.live("is kept in a bucket too, and a store that does not answer holds up nothing", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const store = yield* ObjectStore
      const { told, url } = yield* recipient()
      const env = { ...environment(simulator), ...store.environment, HB_SESSIONS_EXPORT_NOTIFY_URL: url }
      const exportOnce = run(env, "run", "--out", "s3://exports/team-a")
      const note = () => store.contents.buckets.get("exports")?.objects.get("team-a/.note")
      yield* simulator.setFaults(failing)
      assert.strictEqual((yield* exportOnce).code, 4)
      assert.isDefined(note())
      yield* simulator.setFaults({})
      assert.strictEqual((yield* exportOnce).code, 0)
      assert.isUndefined(note())
      yield* simulator.setFaults(failing)
      store.setFaults([{ fault: "hang", when: ({ key }) => key.endsWith(".note") }])
      assert.strictEqual((yield* exportOnce).code, 4)
      assert.deepStrictEqual(outcomesOf(told), ["failed", "recovered", "failed"])
      const [first, recovered] = notificationsOf(told)
      assert.deepStrictEqual([first?.account, first?.destination], ["s3://exports/team-a", "s3://exports/team-a"])
      assert.deepInclude(recovered?.published, { generation: 1, rows: 5, completeness: "proven" })
    }).pipe(Effect.provide([Simulator.layer({ sessions: 5 }), ObjectStore.layer()]), Effect.scoped)
  )
})

describe("many accounts", () => {
  it.live("are told of by their names, each once, and so is what is wrong with all of them", () =>
    Effect.gen(function* () {
      const { apiKey, ...simulator } = yield* Simulator
      const { told, url } = yield* recipient()
      const root = yield* scratch
      const key = join(root, "key")
      writeFileSync(key, apiKey)
      const file = join(root, "accounts.toml")
      const { HYPERBROWSER_API_KEY: _, ...env } = environment({ apiKey, url: simulator.url })
      const exportAll = (more: Bin.Env = {}) =>
        run({ ...env, ...more }, "run", "--accounts", file, "--out", join(root, "out-{account}"), "--notify-url", url)
      const write = (wrong: string, more = "") =>
        writeFileSync(
          file,
          `[accounts.good]\napi_key_file = "key"\n[accounts.wrong]\napi_key_file = "${wrong}"\n[accounts.odd]\napi_key_file = "key"\nmode = "${more}"\n`
        )
      // A key that the path of its account holds too.
      writeFileSync(join(root, "other"), "out-wrong")
      write("none", "snapshot")
      assert.strictEqual((yield* exportAll({ HB_SESSIONS_EXPORT_NAME: "all" })).code, 3)
      write("other", "snapshot")
      assert.strictEqual((yield* exportAll({ HB_SESSIONS_EXPORT_NAME: "all" })).code, 3)
      write("other", "no such mode")
      assert.strictEqual((yield* exportAll()).code, 2)
      write("key", "snapshot")
      assert.strictEqual((yield* exportAll()).code, 0)
      const notifications = notificationsOf(told)
      assert.deepStrictEqual(
        notifications.map(({ account, exitCode, outcome }) => [account, outcome, exitCode]),
        [
          ["wrong", "failed", 3],
          ["wrong", "failed", 3],
          [file, "failed", 2],
          ["wrong", "recovered", 0]
        ]
      )
      const destinations = notifications.map(({ destination }) => destination)
      assert.deepStrictEqual(destinations, [
        join(root, "out-wrong"),
        join(root, "<redacted>"),
        undefined,
        join(root, "out-wrong")
      ])
      assert.include(notifications[2]?.message, "accounts.odd.mode")
      assert.deepStrictEqual(
        readdirSync(root)
          .filter((name) => name.startsWith("out-"))
          .toSorted(),
        ["out-good", "out-odd", "out-wrong"]
      )
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )
})

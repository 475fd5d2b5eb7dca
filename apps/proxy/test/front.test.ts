/**
 * nginx and Caddy in front of the proxy, with TLS, as the files of `deploy/` set them up.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type ChildProcess, spawn, spawnSync, type StdioOptions } from "node:child_process"
import { once } from "node:events"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import type { ServerResponse } from "node:http"
import { request, type RequestOptions } from "node:https"
import { type AddressInfo, connect, createServer } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { decoded, decoder, rest } from "./support/Coded.ts"
import { createToken, directory, eventually, get, serve } from "./support/Proxy.ts"
import { upstream } from "./support/Upstream.ts"
import type { IncomingMessage } from "node:http"

const file = (name: string) => readFileSync(fileURLToPath(new URL(`../deploy/${name}`, import.meta.url)), "utf8")
const works = (program: string, ...args: ReadonlyArray<string>) =>
  spawnSync(program, args, { stdio: "ignore" }).status === 0

const freePort = Effect.promise(async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
})

/** Replaces what a file has exactly once; so that it is still there to be replaced. */
const replaced = (text: string, values: Readonly<Record<string, string>>): string => {
  let result = text
  for (const [from, to] of Object.entries(values)) {
    assert.isAtLeast(result.split(from).length, 2, from)
    result = result.replaceAll(from, to)
  }
  return result
}

const NAME = "sessions.example"

interface Front {
  readonly name: string
  /** Whether it passes trailers on. */
  readonly hasTrailers: boolean
  /** Whether an answer that was cut has no end behind it either: not so with Caddy 2.6. */
  readonly passesCuts: boolean
  readonly missing: string | undefined
  /** Starts it in a folder with a certificate, from a port to the proxy's. */
  readonly start: (folder: string, port: number, proxyPort: number) => ChildProcess
}

const stdio: StdioOptions = ["ignore", "ignore", "pipe"]

const nginx: Front = {
  name: "nginx.conf",
  hasTrailers: false,
  passesCuts: true,
  missing: works("nginx", "-v") ? undefined : "nginx is not installed",
  start: (folder, port, proxyPort) => {
    const site = replaced(file("nginx.conf"), {
      "listen 443 ssl http2;": `listen 127.0.0.1:${port} ssl http2;`,
      "server 127.0.0.1:8080;": `server 127.0.0.1:${proxyPort};`,
      [`/etc/ssl/${NAME}`]: join(folder, NAME)
    })
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((name) => `${name}_temp_path ${folder}/${name};`)
      .join("\n")
    writeFileSync(
      join(folder, "nginx.conf"),
      `${process.getuid?.() === 0 ? "user root;" : ""}
worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log stderr error;
events {}
http { access_log off; ${temporary} ${site} }`
    )
    return spawn("nginx", ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"], { stdio })
  }
}

const caddy: Front = {
  name: "Caddyfile",
  hasTrailers: true,
  passesCuts: false,
  missing: works("caddy", "version") ? undefined : "caddy is not installed",
  start: (folder, port, proxyPort) => {
    const site = replaced(file("Caddyfile"), {
      [`\n${NAME} {`]: `\nhttps://${NAME}:${port} {\n\tbind 127.0.0.1`,
      "reverse_proxy 127.0.0.1:8080": `reverse_proxy 127.0.0.1:${proxyPort}`,
      [`/etc/ssl/${NAME}`]: join(folder, NAME)
    })
    const global = "{\n\tadmin off\n\tauto_https disable_redirects\n\tlog {\n\t\tlevel ERROR\n\t}\n}\n"
    writeFileSync(join(folder, "Caddyfile"), global + site)
    return spawn("caddy", ["run", "--adapter", "caddyfile", "--config", join(folder, "Caddyfile")], {
      stdio,
      env: { PATH: process.env["PATH"], HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder }
    })
  }
}

/** A certificate for the name, signed by itself. */
const certificate = (folder: string) =>
  Effect.sync(() => {
    const key = join(folder, `${NAME}.key`)
    const pem = join(folder, `${NAME}.pem`)
    const made = spawnSync(
      "openssl",
      [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
        ...["-keyout", key, "-out", pem, "-subj", `/CN=${NAME}`, "-addext", `subjectAltName=DNS:${NAME}`]
      ],
      { encoding: "utf8" }
    )
    assert.strictEqual(made.status, 0, made.stderr)
    return readFileSync(pem)
  })

const row = (index: number, more: object = {}) => ({
  id: `session-${index}`,
  status: "closed",
  teamId: "a".repeat(36),
  ...more
})
const rows = (page: number) => Array.from({ length: 20 }, (_, index) => row((page - 1) * 20 + index))

/** Answers pages at once; the second page of a list, when it is told to, well or not. */
const listing = Effect.gen(function* () {
  let waiting: ServerResponse | undefined
  const answer = (response: ServerResponse, page: number, status: string | null) => {
    const sessions =
      page > 2 ? [] : status === "active" ? [row(1, { liveUrl: "https://live/x" }), ...rows(1)] : rows(page)
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify({ sessions, totalCount: 40, page, perPage: 20 }))
  }
  const source = yield* upstream(({ url = "" }, response) => {
    const { searchParams } = new URL(url, "http://upstream")
    const page = Number(searchParams.get("page") ?? 1)
    if (page === 2) waiting = response
    else answer(response, page, searchParams.get("status"))
  })
  const second = eventually(
    Effect.sync(() => waiting),
    (response) => response !== undefined
  ).pipe(
    Effect.map((response) => {
      waiting = undefined
      return response
    })
  )
  return {
    source,
    goOn: Effect.map(second, (response) => response !== undefined && answer(response, 2, null)),
    fail: Effect.map(second, (response) => response?.writeHead(500).end("{}"))
  }
})

/** The proxy with a server in front, and a client of that. */
const fronted = Effect.fnUntraced(function* (front: Front) {
  const folder = yield* directory
  const ca = yield* certificate(folder)
  const { fail, goOn, source } = yield* listing
  const tokensFile = join(folder, "tokens.json")
  const token = yield* createToken(tokensFile, "team")
  const flags = ["--trusted-proxies", "127.0.0.1", "--rate", "0", "--cache-fresh", "1h", "--read-concurrency", "1"]
  const proxy = yield* serve(source, tokensFile, flags)
  const port = yield* freePort
  const server = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const started = front.start(folder, port, Number(new URL(proxy.url).port))
      return { started, ended: new Promise((resolve) => started.once("close", resolve)) }
    }),
    ({ ended, started }) =>
      Effect.promise(async () => {
        started.kill("SIGTERM")
        await ended
      })
  )
  let said = ""
  server.started.stderr?.on("data", (data) => (said += String(data)))
  const failed = Effect.flatMap(
    Effect.promise(() => server.ended),
    () => Effect.die(new Error(said))
  )
  const isOpen = Effect.callback<boolean>((resume) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy()
      resume(Effect.succeed(true))
    })
    socket.on("error", () => resume(Effect.succeed(false)))
  })
  yield* Effect.raceFirst(
    eventually(isOpen, (opened) => opened),
    failed
  )
  const open = (path: string, headers: Readonly<Record<string, string>> = {}, more: RequestOptions = {}) =>
    Effect.callback<IncomingMessage>((resume) => {
      const options = {
        ...{ host: "127.0.0.1", port, path, ca, servername: NAME, agent: false as const },
        headers: { host: NAME, "x-api-key": token, ...headers },
        ...more
      }
      const sent = request(options, (response) => resume(Effect.succeed(response)))
      sent.on("error", (error) => resume(Effect.die(error)))
      sent.end()
    })
  const ask = (path: string, headers: Readonly<Record<string, string>> = {}, more: RequestOptions = {}) =>
    Effect.flatMap(open(path, headers, more), rest)
  return { ask, open, proxy, goOn, fail }
})

for (const front of [nginx, caddy]) {
  const reason = front.missing ?? (works("openssl", "version") ? undefined : "openssl is not installed")
  if (reason !== undefined) console.warn(`skipped: ${front.name} in front of the proxy, because ${reason}`)

  describe(`${front.name} in front`, () => {
    it.live.skipIf(reason !== undefined)(
      "passes pages on in the coding, and with the tags, that the proxy gives them",
      () =>
        Effect.gen(function* () {
          const { ask } = yield* fronted(front)
          const plain = yield* ask("/api/sessions")
          assert.strictEqual(plain.status, 200)
          assert.isUndefined(plain.headers["content-encoding"])
          for (const coding of ["zstd", "br", "gzip"]) {
            const accept = { "accept-encoding": coding }
            const { body, headers } = yield* ask("/api/sessions", accept)
            assert.strictEqual(headers["content-encoding"], coding)
            assert.strictEqual(decoded(body, coding), plain.body.toString())
            const again = yield* ask("/api/sessions", { ...accept, "if-none-match": headers.etag ?? "" })
            assert.deepStrictEqual([again.status, again.headers.etag], [304, headers.etag])
          }
          // What the proxy does not compress, what is in front must not compress either.
          const secret = yield* ask("/api/sessions?status=active", { "accept-encoding": "gzip, br, zstd" })
          assert.include(secret.body.toString(), "https://live/x")
          assert.isUndefined(secret.headers["content-encoding"])
        }).pipe(Effect.scoped)
    )

    it.live.skipIf(reason !== undefined)("shows the lines of a slow list as they come, compressed or not", () =>
      Effect.gen(function* () {
        const { goOn, open } = yield* fronted(front)
        for (const coding of [undefined, "gzip", "zstd"]) {
          const accept: Record<string, string> = coding === undefined ? {} : { "accept-encoding": coding }
          const response = yield* open("/v1/sessions?consistency=fast", accept)
          assert.strictEqual(response.headers["content-encoding"], coding)
          const lines = coding === undefined ? response : response.pipe(decoder(coding))
          let text = ""
          const early = new Promise<void>((resolve) =>
            lines.on("data", (piece: Buffer) => {
              text += piece.toString()
              if (text.split("\n").length > 20) resolve()
            })
          )
          yield* Effect.promise(() => early)
          assert.notInclude(text, "session-20")
          // Trailers come after the last byte of the body, and so maybe after the last line.
          const ended = Promise.all([lines, response].map((stream) => once(stream, "end")))
          yield* goOn
          yield* Effect.promise(() => ended)
          assert.isDefined(JSON.parse(text.trimEnd().split("\n").at(-1) ?? "").report)
          const told = response.trailers["hb-sessions-completeness"]
          assert.strictEqual(told, front.hasTrailers ? "unproven; reason=fast" : undefined)
        }
      }).pipe(Effect.scoped)
    )

    it.live.skipIf(reason !== undefined)("cuts a list that is cut, which can then be continued", () =>
      Effect.gen(function* () {
        const { ask, fail, goOn, open } = yield* fronted(front)
        for (const coding of [undefined, "gzip"]) {
          const accept: Record<string, string> = coding === undefined ? {} : { "accept-encoding": coding }
          const response = yield* open("/v1/sessions.ndjson?resumable=true", accept)
          let text = ""
          const lines = coding === undefined ? response : response.pipe(decoder(coding))
          const early = new Promise<void>((resolve) =>
            lines.on("data", (piece: Buffer) => {
              text += piece.toString()
              if (text.includes('{"resume"') && text.endsWith("\n")) resolve()
            })
          )
          lines.on("error", () => {})
          response.on("error", () => {})
          yield* Effect.promise(() => early)
          const closed = new Promise<void>((resolve) => response.once("close", resolve))
          yield* fail
          yield* Effect.promise(() => closed)
          if (front.passesCuts) assert.isFalse(response.complete)
          assert.notInclude(text, '{"report"')
          assert.isUndefined(response.trailers["hb-sessions-completeness"])
          const token = /\{"resume":"([^"]+)"\}\n$/.exec(text)?.[1] ?? ""
          const [more] = yield* Effect.all([ask(`/v1/sessions.ndjson?from=${token}`), goOn], { concurrency: 2 })
          const ids = (part: string) => [...part.matchAll(/"id":"session-(\d+)"/g)].map(([, id]) => Number(id))
          assert.deepStrictEqual(
            [...ids(text), ...ids(more.body.toString())],
            Array.from({ length: 40 }, (_, index) => index)
          )
        }
      }).pipe(Effect.scoped)
    )

    it.live.skipIf(reason !== undefined)(
      "tells the address of the client, whatever the client says, and keeps connections",
      () =>
        Effect.gen(function* () {
          const { ask, proxy } = yield* fronted(front)
          const spoofed = { "x-forwarded-for": "203.0.113.9", forwarded: "for=203.0.113.9" }
          for (let index = 0; index < 12; index++) {
            const { status } = yield* ask("/api/sessions", spoofed, { localAddress: "127.0.0.2" })
            assert.strictEqual(status, 200)
          }
          const { text } = yield* get(`${proxy.adminUrl}/metrics`)
          assert.isAtMost(Number(/^hb_sessions_proxy_connections (\d+)$/m.exec(text)?.[1]), 2)
          const wrong = yield* ask("/api/sessions", { ...spoofed, "x-api-key": "wrong" }, { localAddress: "127.0.0.3" })
          assert.strictEqual(wrong.status, 401)
          const { stderr } = yield* proxy.stop("SIGTERM")
          const addresses = [...stderr.matchAll(/"address":"([^"]*)"/g)].map(([, address]) => address)
          assert.deepStrictEqual(new Set(addresses), new Set(["127.0.0.2", "127.0.0.3"]))
        }).pipe(Effect.scoped)
    )
  })
}

it("names files that are there", () => {
  for (const { name } of [nginx, caddy])
    assert.isTrue(existsSync(fileURLToPath(new URL(`../deploy/${name}`, import.meta.url))))
})

/**
 * The built proxy as a process, with a token, and ways to talk to it.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { Simulator, type SimulatorOptions } from "@hb-sessions/simulator/Simulator"
import { Console, Context, Effect, Layer } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { generate, type TokenRecord } from "../../src/access/Token.ts"
import * as TokensFile from "../../src/access/TokensFile.ts"

export const bin = fileURLToPath(new URL("../../dist/bin.js", import.meta.url))

/** A directory that is removed with the scope. */
export const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "hb-sessions-proxy-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** Runs `token` with arguments. */
export const token = (file: string, ...args: ReadonlyArray<string>) =>
  Bin.run(bin, ["token", ...args, "--tokens-file", file])

/** Makes a token with the command and returns it. */
export const createTokenByCommand = (file: string, name: string, ...args: ReadonlyArray<string>) =>
  Effect.flatMap(token(file, "create", "--name", name, ...args), ({ code, stderr, stdout }) =>
    code === 0 ? Effect.succeed(stdout.trim()) : Effect.die(new Error(stderr))
  )

/** What a command would warn of is of no interest here. */
const quiet: Console.Console = { ...globalThis.console, error: () => {} }

/** Makes a token and returns it; writes the file as `token create` does, without a process. */
export const createToken = (
  file: string,
  name: string,
  settings: Partial<Pick<TokenRecord, "account" | "statuses" | "rate" | "expiresAt">> = {}
) =>
  TokensFile.update(file, (list) =>
    Effect.sync(() => {
      const made = generate({ name, scopes: ["read"], createdAt: Date.now(), ...settings })
      return [made.token, { ...list, tokens: [...list.tokens, made.record] }] as const
    })
  ).pipe(Effect.provideService(Console.Console, quiet), Effect.orDie)

export interface Upstream {
  readonly url: string
  readonly apiKey: string
}

/** Starts a proxy with the tokens of a file. */
export const serve = Effect.fnUntraced(function* (
  upstream: Upstream,
  file: string,
  args: ReadonlyArray<string> = [],
  env: Bin.Env = {},
  user?: Bin.User
) {
  const variables = {
    HYPERBROWSER_API_KEY: upstream.apiKey,
    HYPERBROWSER_BASE_URL: upstream.url,
    HB_SESSIONS_MAX_REQUESTS_PER_SECOND: "0",
    HB_SESSIONS_RETRIES: "0",
    HB_SESSIONS_PROXY_DRAIN: "0s",
    ...env
  }
  const started = yield* Bin.start(bin, ["serve", "--port", "0", "--tokens-file", file, ...args], variables, user).pipe(
    Effect.mapError(({ stderr }) => new Error(stderr)),
    Effect.orDie
  )
  const { adminUrl, url } = JSON.parse(started.firstLine) as { url: string; adminUrl: string }
  return { ...started, url, adminUrl }
})

/** Starts a proxy with a token of its own. */
export const start = Effect.fnUntraced(function* (
  upstream: Upstream,
  args: ReadonlyArray<string> = [],
  env: Bin.Env = {}
) {
  const file = join(yield* directory, "tokens.json")
  const secret = yield* createToken(file, "test")
  const proxy = yield* serve(upstream, file, args, env)
  return { ...proxy, token: secret, tokensFile: file, auth: { "x-api-key": secret } }
})

/** A proxy that several tests use, and leave as it is. */
export class Shared extends Context.Service<Shared, Effect.Success<ReturnType<typeof start>>>()(
  "@hb-sessions/proxy/test/Shared"
) {}

/** A simulator and one proxy in front of it, without a limit of the rate. */
export const shared = (options: SimulatorOptions, ...args: ReadonlyArray<string>) =>
  Layer.effect(
    Shared,
    Effect.flatMap(Simulator, (simulator) => start(simulator, ["--rate", "0", ...args]))
  ).pipe(Layer.provideMerge(Simulator.layer(options)))

/** Sends a request and reads the whole answer. */
export const get = (url: string, init?: RequestInit) =>
  Effect.promise(async (signal) => {
    const response = await fetch(url, { signal, ...init })
    return { status: response.status, headers: response.headers, text: await response.text() }
  })

/** Sends bytes, and returns all that comes until the server closes, or until nothing comes for a while. */
export const raw = (url: string, bytes: string | Buffer, quietMillis = 400) =>
  Effect.promise(
    () =>
      new Promise<{ readonly text: string; readonly closed: boolean }>((resolve) => {
        const { hostname, port } = new URL(url)
        const socket = connect(Number(port), hostname)
        let text = ""
        const done = (closed: boolean) => {
          socket.destroy()
          resolve({ text, closed })
        }
        socket.setTimeout(quietMillis, () => done(false))
        socket.on("data", (data) => (text += data.toString("latin1")))
        socket.on("error", () => done(true))
        socket.on("close", () => done(true))
        socket.write(bytes)
      })
  )

/** Ends requests of `fetch` when the test says so. */
export const aborter = () => new AbortController()

/** The statuses of the answers in a text. */
export const statuses = (text: string): ReadonlyArray<number> =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]))

/** Waits until something holds; the test's own timeout is the limit. */
export const eventually = <A, E, R>(
  look: Effect.Effect<A, E, R>,
  holds: (value: A) => boolean
): Effect.Effect<A, E, R> =>
  Effect.filterOrElse(look, holds, () => Effect.andThen(Effect.sleep("20 millis"), eventually(look, holds)))

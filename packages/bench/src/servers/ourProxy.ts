/**
 * Our proxy as it is shipped, and its tokens.
 */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { type Running, startNode } from "./processes.ts"

const bin = fileURLToPath(import.meta.resolve("@hb-sessions/proxy/dist/bin.js"))

/** Makes a token in a file; `flags` are those of `token create`. */
export const createToken = async (file: string, ...flags: ReadonlyArray<string>): Promise<string> => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    bin,
    ...["token", "create", "--tokens-file", file],
    ...flags
  ])
  return stdout.trim()
}

/** Starts the proxy on a free port; `log` is where it writes its log. */
export const startProxy = (options: {
  readonly upstream: { readonly url: string; readonly apiKey: string }
  readonly tokensFile: string
  readonly log: string
  /** Requests a second to the upstream; by default there is no limit. */
  readonly upstreamRate?: number
  /** How long answers are fresh; by default longer than a bench takes. */
  readonly cacheFresh?: string
  readonly flags: ReadonlyArray<string>
}): Promise<Running & AsyncDisposable> =>
  startNode(bin, {
    args: [
      "serve",
      "--port",
      "0",
      "--admin-port",
      "0",
      "--upstream-rate",
      String(options.upstreamRate ?? 0),
      "--cache-fresh",
      options.cacheFresh ?? "1h",
      ...options.flags
    ],
    env: {
      HYPERBROWSER_API_KEY: options.upstream.apiKey,
      HYPERBROWSER_BASE_URL: options.upstream.url,
      HB_SESSIONS_PROXY_TOKENS_FILE: options.tokensFile
    },
    log: options.log
  })

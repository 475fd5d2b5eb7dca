/**
 * A directory and an environment to follow a document in, as its reader would, against a simulator.
 *
 * What a reader has and the sandbox replaces: the vendor's API and its key, ports, `/var/lib`, and `npx`.
 */
import { defaultApiKey } from "@hb-sessions/simulator/Simulator"
import { type ChildProcess, spawn } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { findPackageJSON } from "node:module"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { nodeEnv, programs } from "./Programs.ts"
import type { Statement } from "./Shell.ts"
import { root, rootScripts } from "./workspace.ts"

export interface Output {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const URL_HERE = /http:\/\/(?:127\.0\.0\.1|localhost):(\d+)/g

/** The variables that the statements before have left. */
const restore = "[ ! -f .state ] || . ./.state"

/** Longest time until a server has printed its first line, and for a command. */
const PATIENCE_MILLIS = 60_000

export class Sandbox {
  readonly directory = mkdtempSync(join(tmpdir(), "hb-sessions-docs-"))
  /** Where imports are found from, relative to the repository. */
  readonly #home: string
  readonly #environment: Record<string, string>
  readonly #servers: Array<ChildProcess> = []
  /** The server that was started last: where the document says it is, and where it is. */
  #server: { readonly port: string; readonly url: string } | undefined

  /** The variables by which servers are found, credentials included. */
  readonly #store: Readonly<Record<string, string>>

  /**
   * Commands find the API at `apiUrl`, and an object store or a database with the variables of `store`; imports are found as from the
   * package of `document`, or else from this one.
   */
  constructor(apiUrl: string, document: string, store: Readonly<Record<string, string>> = {}) {
    this.#store = store
    const bin = join(this.directory, "bin")
    mkdirSync(bin)
    for (const [name, file] of programs) script(join(bin, name), `exec node '${file}' "$@"`)
    script(join(bin, "npx"), npx)
    // Older versions do not know the variable.
    script(join(bin, "aws"), `PATH='${nodeEnv.PATH}' exec aws --endpoint-url "$AWS_ENDPOINT_URL_S3" "$@"`)
    for (const name of ["packages", "apps"]) symlinkSync(join(root, name), join(this.directory, name), "junction")
    writeFileSync(join(this.directory, "package.json"), '{ "type": "module" }\n')
    this.#home = /^(?:packages|apps)\//.test(document) ? document : "packages/docs/README.md"
    this.#environment = {
      ...nodeEnv,
      PATH: [bin, dirname(process.execPath), nodeEnv.PATH].join(delimiter),
      HOME: this.directory,
      XDG_CONFIG_HOME: join(this.directory, ".config"),
      HYPERBROWSER_BASE_URL: apiUrl,
      ...store,
      HB_SESSIONS_PROXY_PORT: "0",
      HB_SESSIONS_PROXY_ADMIN_PORT: "0",
      NO_COLOR: "1"
    }
  }

  /** Runs a statement; a server is left running once it has printed its first line. */
  async run(statement: Statement): Promise<Output> {
    const port = listeningPort(statement)
    const text = this.adapt(statement.text)
    const before = `set -eo pipefail -o allexport; ${restore}`
    if (port === undefined) return await this.#bash(`${before}\n${text}\nexport -p > .state`)
    const firstLine = await this.#serve(`${before}\n${text.replace(/--port \d+/, "--port 0")}`)
    this.#server = { port, url: String(JSON.parse(firstLine).url) }
    return { code: 0, stdout: `${firstLine}\n`, stderr: "" }
  }

  /** Runs a program of TypeScript, with the variables that the statements before it have set. */
  async runTypeScript(file: string, source: string): Promise<Output> {
    this.write(file, this.adapt(source))
    const key = `export HYPERBROWSER_API_KEY=\${HYPERBROWSER_API_KEY-${defaultApiKey}}`
    const command = isTest(source)
      ? `'${join(root, "packages/docs/node_modules/.bin/vitest")}' run ${file}`
      : `node ${file}`
    return await this.#bash(`${restore}\n${key}\n${command}`)
  }

  /** Writes a program with its imports linked. */
  write(file: string, source: string): void {
    writeFileSync(join(this.directory, file), source)
    for (const [, specifier = ""] of source.matchAll(/(?:from|import) "((?:@[^/"]+\/)?[^./"][^/"]*)[^"]*"/g)) {
      const manifest = findPackageJSON(specifier, pathToFileURL(join(root, this.#home)).href)
      const link = join(this.directory, "node_modules", specifier)
      if (manifest === undefined || existsSync(link)) continue
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(dirname(manifest), link, "junction")
    }
  }

  /** What was printed, with the places that the document names, and digests, which differ each time, as `…`. */
  asDocumented(text: string): string {
    return text.replaceAll(`${this.directory}/var/lib/`, "/var/lib/").replaceAll(/\b[0-9a-f]{64}\b/g, "…")
  }

  /** Stops what still runs, and removes the directory. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.map(stop))
    rmSync(this.directory, { recursive: true, force: true })
  }

  /** The text with what the sandbox replaces. */
  adapt(text: string): string {
    return text
      .replaceAll("HYPERBROWSER_API_KEY=…", `HYPERBROWSER_API_KEY=${defaultApiKey}`)
      .replaceAll(/(AWS_[A-Z_]+)=[^\s;]+/g, (found, name: string) => `${name}=${this.#store[name] ?? found}`)
      .replaceAll("/var/lib/", `${this.directory}/var/lib/`)
      .replaceAll(URL_HERE, (found, port: string) => {
        const server = this.#server
        if (server === undefined) throw new Error(`${found}: nothing was started that listens there`)
        if (server.port !== "0" && server.port !== port)
          throw new Error(`${found}: the server is at port ${server.port}`)
        return server.url
      })
  }

  async #bash(text: string): Promise<Output> {
    const child = this.#spawn(text)
    const output = { stdout: "", stderr: "" }
    child.stdout?.setEncoding("utf8").on("data", (data: string) => (output.stdout += data))
    child.stderr?.setEncoding("utf8").on("data", (data: string) => (output.stderr += data))
    const timer = setTimeout(() => void stop(child), PATIENCE_MILLIS)
    const code = await new Promise<number | null>((resolve) => child.on("close", resolve))
    clearTimeout(timer)
    return { code, ...output }
  }

  async #serve(text: string): Promise<string> {
    const child = this.#spawn(text)
    this.#servers.push(child)
    let stdout = ""
    let stderr = ""
    child.stderr?.setEncoding("utf8").on("data", (data: string) => (stderr += data))
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no line from ${text}: ${stderr}`)), PATIENCE_MILLIS)
      child.on("close", () => reject(new Error(`${text} ended: ${stderr}`)))
      child.stdout?.setEncoding("utf8").on("data", (data: string) => {
        stdout += data
        if (!stdout.includes("\n")) return
        clearTimeout(timer)
        resolve(stdout.slice(0, stdout.indexOf("\n")))
      })
    })
  }

  /** In a group of its own, so that the whole of it can be stopped. Who asks on stdin is given the key. */
  #spawn(text: string): ChildProcess {
    const child = spawn("bash", ["-c", text], { cwd: this.directory, env: this.#environment, detached: true })
    child.stdin.on("error", () => {})
    child.stdin.end(`${defaultApiKey}\n`)
    return child
  }
}

export const isTest = (source: string): boolean => /from "(?:@effect\/)?vitest"/.test(source)

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const closed = new Promise((resolve) => child.on("close", resolve))
  process.kill(-child.pid, "SIGKILL")
  await closed
}

/** The port that the document says a server listens on; undefined when no server is started. */
const listeningPort = ({ commands, text }: Statement): string | undefined => {
  const isServer = commands.some(({ words }) =>
    /^(?:hb-sessions-proxy serve|hb-sessions-simulator|npx hb-sessions-simulator|npx -y pnpm@12 simulator)\b/.test(
      words.join(" ")
    )
  )
  if (!isServer) return undefined
  return /--port (\d+)/.exec(text)?.[1] ?? (text.includes("simulator") ? "4010" : "8080")
}

const script = (file: string, text: string): void => {
  writeFileSync(file, `#!/bin/sh\n${text}\n`)
  chmodSync(file, 0o755)
}

/** `npx` that installs nothing: a script of the repository behind `pnpm@`, else a program of the workspace. */
const npx = `while [ "\${1#-}" != "$1" ]; do shift; done
case $1 in
  pnpm@*) shift; [ "$1" = simulator ] || exit 127; shift; cd '${root}'; exec ${String(rootScripts["simulator"])} "$@" ;;
  *) exec "$@" ;;
esac`

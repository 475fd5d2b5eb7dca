/**
 * The files of `deploy/`, held against their formats and against what the proxy does.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { validate } from "dockerfile-utils"
import { Deployment } from "kubernetes-models/apps/v1"
import { Service } from "kubernetes-models/v1"
import { spawn, spawnSync } from "node:child_process"
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseAllDocuments } from "yaml"
import { rows } from "../src/settings/Settings.ts"
import { bin, createToken, directory, get, serve } from "./support/Proxy.ts"

const app = fileURLToPath(new URL("..", import.meta.url))
const file = (name: string) => readFileSync(join(app, "deploy", name), "utf8")

const simulated = <A, E>(test: Effect.Effect<A, E, Simulator | import("effect").Scope.Scope>) =>
  test.pipe(Effect.scoped, Effect.provide(Simulator.layer({ sessions: 20, seed: "deploy" })))

const defaultOf = (flag: string) => rows.find((row) => row.flag === flag)?.default ?? ""
const seconds = (text: string) => Number(/^(\d+)s$/.exec(text)?.[1])
const port = Number(defaultOf("--port"))
const adminPort = port + 1

describe("kubernetes.yaml", () => {
  const [deployment, service, ...others] = parseAllDocuments(file("kubernetes.yaml")).map((part) => part.toJS())
  const pod = deployment.spec.template.spec
  const [container] = pod.containers
  const { args } = container as { readonly args: ReadonlyArray<string> }
  const flag = (name: string) => (args.includes(name) ? (args[args.indexOf(name) + 1] ?? "") : defaultOf(name))

  it("fits the published schema", () => {
    new Deployment(deployment).validate()
    new Service(service).validate()
    assert.deepStrictEqual(others, [])
  })

  it("leads requests to the port that is served, and probes to the admin port, which is not in the service", () => {
    const ports = new Map(
      container.ports.map((one: { name: string; containerPort: number }) => [one.name, one.containerPort])
    )
    assert.deepStrictEqual(
      [...ports],
      [
        ["http", port],
        ["admin", adminPort]
      ]
    )
    assert.deepStrictEqual(
      service.spec.ports.map((one: { targetPort: string }) => one.targetPort),
      ["http"]
    )
    assert.deepStrictEqual(service.spec.selector, deployment.spec.template.metadata.labels)
    assert.deepStrictEqual(container.livenessProbe.httpGet, { path: "/healthz", port: "admin" })
    assert.deepStrictEqual(container.readinessProbe.httpGet, { path: "/readyz", port: "admin" })
    assert.strictEqual(flag("--admin-host"), "0.0.0.0")
  })

  it("gives the stop the time it takes, and the replicas one budget", () => {
    const stop = seconds(flag("--drain")) + seconds(flag("--grace"))
    assert.isAbove(pod.terminationGracePeriodSeconds, stop)
    const { failureThreshold, periodSeconds } = container.readinessProbe
    assert.isAbove(seconds(flag("--drain")), failureThreshold * periodSeconds)
    assert.isAtMost(Number(flag("--upstream-rate")) * deployment.spec.replicas, Number(defaultOf("--upstream-rate")))
  })

  it.live("starts a proxy that its probes find alive and ready, with the secret mounted read-only for the group", () =>
    simulated(
      Effect.gen(function* () {
        const root = yield* directory
        const [{ secret }] = pod.volumes
        const mounted = (path: string) => {
          assert.include(
            secret.items.map((item: { path: string }) => join(container.volumeMounts[0].mountPath, item.path)),
            path
          )
          return join(root, basename(path))
        }
        const tokens = mounted("/tokens/tokens.json")
        const token = yield* createToken(tokens, "team")
        const { apiKey, url } = yield* Simulator
        const [variable] = container.env
        const keyFile = mounted(variable.value)
        writeFileSync(keyFile, apiKey)
        for (const path of [tokens, keyFile]) chmodSync(path, secret.defaultMode)
        const proxy = yield* serve({ url, apiKey: "" }, tokens, [...args.slice(1), "--admin-port", "0"], {
          [variable.name]: keyFile
        })
        const admin = proxy.adminUrl.replace("0.0.0.0", "127.0.0.1")
        for (const probe of [container.livenessProbe, container.readinessProbe]) {
          assert.strictEqual((yield* get(admin + probe.httpGet.path)).status, 200)
        }
        assert.strictEqual((yield* get(`${proxy.url}/api/sessions`, { headers: { "x-api-key": token } })).status, 200)
      })
    )
  )
})

describe("Dockerfile", () => {
  const text = file("Dockerfile")
  const instructions = text
    .split("\n")
    .filter((line) => /^[A-Z]/.test(line))
    .map((line) => line.split(/ (.*)/s) as [name: string, rest: string])
  const all = (name: string) => instructions.filter(([found]) => found === name).map(([, rest]) => rest)
  const only = (name: string): string => all(name)[0] ?? ""
  const list = (json: string): ReadonlyArray<string> => JSON.parse(json)

  it("is valid, and copies what a build makes", () => {
    assert.deepStrictEqual(validate(text), [])
    for (const [source = ""] of all("COPY").map((rest) => rest.split(" "))) assert.isTrue(existsSync(join(app, source)))
    assert.strictEqual(only("EXPOSE"), String(port))
    assert.strictEqual(only("USER"), "node")
  })

  it.live("starts, as a user who is not root, a proxy that its health check finds alive", () =>
    simulated(
      Effect.gen(function* () {
        const root = yield* directory
        const inImage = (path: string) => join(root, path)
        for (const [source = "", target = ""] of all("COPY").map((rest) => rest.split(" "))) {
          mkdirSync(dirname(inImage(target)), { recursive: true })
          cpSync(join(app, source), inImage(target), { recursive: true })
        }
        const env = Object.fromEntries(
          only("ENV")
            .split(" ")
            .map((pair) => pair.split("=") as [string, string])
        )
        const tokens = inImage(env["HB_SESSIONS_PROXY_TOKENS_FILE"] ?? "")
        mkdirSync(dirname(tokens), { recursive: true })
        yield* createToken(tokens, "team")
        const isRoot = process.getuid?.() === 0
        if (isRoot) for (const path of [root, tokens]) chownSync(path, 1000, 1000)
        const simulator = yield* Simulator
        const [program, script = "", ...rest] = [...list(only("ENTRYPOINT")), ...list(only("CMD"))]
        assert.strictEqual(program, "node")
        const child = yield* Effect.acquireRelease(
          Effect.sync(() =>
            spawn(process.execPath, [inImage(script), ...rest, "--port", "0"], {
              cwd: root,
              env: {
                ...env,
                HB_SESSIONS_PROXY_TOKENS_FILE: tokens,
                HYPERBROWSER_API_KEY: simulator.apiKey,
                HYPERBROWSER_BASE_URL: simulator.url
              },
              stdio: ["ignore", "pipe", "pipe"],
              ...(isRoot ? { uid: 1000, gid: 1000 } : {})
            })
          ),
          (started) => Effect.sync(() => started.kill("SIGKILL"))
        )
        const line = yield* Effect.promise(
          () =>
            new Promise<string>((resolve, reject) => {
              let problem = ""
              child.stderr.on("data", (data) => (problem += String(data)))
              child.stdout.once("data", (data) => resolve(String(data)))
              child.once("close", () => reject(new Error(problem)))
            })
        )
        const { adminUrl, url } = JSON.parse(line) as { url: string; adminUrl: string }
        assert.match(url, /^http:\/\/0\.0\.0\.0:/)
        const [, command = ""] = /CMD (.*)$/.exec(only("HEALTHCHECK")) ?? []
        assert.include(command, `127.0.0.1:${adminPort}/healthz`)
        const check = () => {
          const [node, ...args] = list(command.replace(String(adminPort), new URL(adminUrl).port))
          assert.strictEqual(node, "node")
          return Effect.promise(
            () => new Promise((resolve) => spawn(process.execPath, [...args]).once("close", resolve))
          )
        }
        assert.strictEqual(yield* check(), 0)
        child.kill("SIGTERM")
        yield* Effect.promise(() => new Promise((resolve) => child.once("close", resolve)))
        assert.deepStrictEqual([child.exitCode, yield* check()], [0, 1])
      })
    )
  )
})

const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0
if (!hasSystemd) console.warn("skipped: the systemd unit, because systemd-analyze is not installed")

describe("hb-sessions-proxy.service", () => {
  const unit = file("hb-sessions-proxy.service")

  it.skipIf(!hasSystemd)("is valid", () => {
    const path = join(app, "deploy/hb-sessions-proxy.service")
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", path], { encoding: "utf8" })
    assert.deepStrictEqual([status, stderr], [0, ""])
  })

  it("gives the stop the time it takes", () => {
    const timeout = Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])
    assert.isAbove(timeout, seconds(defaultOf("--drain")) + seconds(defaultOf("--grace")))
  })

  it.live("starts with settings that exist", () =>
    Effect.gen(function* () {
      const [, command = ""] = /^ExecStart=\/usr\/bin\/env hb-sessions-proxy (.*)$/m.exec(unit) ?? []
      const env = Object.fromEntries(
        [...unit.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value])
      )
      const { code, stderr } = yield* Bin.run(bin, [...command.split(" "), "--admin-port", "0"], {
        ...env,
        HYPERBROWSER_API_KEY: "any-key-at-all"
      })
      // It gets as far as the file that is not there.
      assert.strictEqual(code, 3)
      assert.include(stderr, "/var/lib/hb-sessions-proxy/tokens.json: it does not exist")
    })
  )
})

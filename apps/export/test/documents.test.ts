import { assert, describe, it } from "@effect/vitest"
import { Cron, Result } from "effect"
import { Yaml } from "effect/encoding"
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { basename } from "node:path"
import { fileURLToPath } from "node:url"
import { exitCodes } from "../src/exitCodes.ts"
import { documents } from "./documents.ts"
import { hasProgram } from "./support.ts"

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const read = (path: string) => readFileSync(at(path), "utf8")

describe("generated documents", () => {
  for (const { file, is, should } of documents()) {
    it(`${basename(file)} is what "node test/documents.ts" writes`, () => assert.strictEqual(is, should))
  }

  it("the README names every exit code", () => {
    const text = read("README.md")
    for (const code of Object.values(exitCodes)) assert.match(text, new RegExp(`^\\| ${code} +\\|`, "m"))
  })
})

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

/** What is at a path of a parsed document. */
const within = (value: unknown, ...path: ReadonlyArray<string | number>): unknown =>
  path.reduce<unknown>((found, key) => (isRecord(found) ? found[key] : undefined), value)

describe("files for schedulers", () => {
  const hasSystemd = hasProgram("systemd-analyze", "--version")

  it.skipIf(!hasSystemd)("systemd accepts the units", () => {
    const units = ["service", "timer"].map((kind) => at(`deploy/hb-sessions-export.${kind}`))
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", ...units], { encoding: "utf8" })
    // Other units of the machine may be warned about.
    assert.notInclude(stderr, "hb-sessions-export")
    assert.strictEqual(status, 0, stderr)
  })

  it("the CronJob fails at once on the exit codes that need a person, and on no other", () => {
    const job: unknown = Yaml.parse(read("deploy/cronjob.yaml"))
    assert.deepStrictEqual([within(job, "apiVersion"), within(job, "kind")], ["batch/v1", "CronJob"])
    assert.isTrue(
      Result.isSuccess(Cron.parse(String(within(job, "spec", "schedule")), String(within(job, "spec", "timeZone"))))
    )
    const spec = within(job, "spec", "jobTemplate", "spec")
    const container = within(spec, "template", "spec", "containers", 0)
    const [rule] = [within(spec, "podFailurePolicy", "rules", 0)]
    assert.strictEqual(within(rule, "onExitCodes", "containerName"), within(container, "name"))
    const { auth, invalidResponse, unexpected, unproven, usage } = exitCodes
    assert.deepStrictEqual(within(rule, "onExitCodes", "values"), [unexpected, usage, auth, unproven, invalidResponse])
    assert.strictEqual(within(spec, "template", "spec", "restartPolicy"), "Never", "podFailurePolicy asks for it")
  })

  it("the workflow is YAML with a schedule", () => {
    const workflow: unknown = Yaml.parse(read("deploy/github-actions.yml"))
    const cron = within(workflow, "on", "schedule", 0, "cron")
    assert.isTrue(Result.isSuccess(Cron.parse(String(cron))))
  })

  it("the crontab's line has five fields and a command", () => {
    const lines = read("deploy/crontab").split("\n")
    const line = lines.find((text) => text !== "" && !text.startsWith("#")) ?? ""
    assert.isTrue(Result.isSuccess(Cron.parse(line.split(" ").slice(0, 5).join(" "))))
    assert.include(line, "hb-sessions-export run --out")
  })

  it("the image runs as nobody special", () => {
    const stages = read("deploy/Dockerfile").split(/^FROM /m)
    assert.lengthOf(stages, 3)
    assert.match(stages[2] ?? "", /^USER node$/m)
  })
})

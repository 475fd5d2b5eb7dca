/**
 * What `changeset version` makes of changesets, in a copy of the workspace's manifests.
 */
import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { assert, describe, inject, it } from "vitest"
import { parseChangeset, problemsOf, readChangesets } from "../src/changesets.ts"
import { unpack } from "../src/tarball.ts"
import { packages, published, readManifest, root } from "../src/workspace.ts"

const changeset = join(
  dirname(createRequire(join(root, "package.json")).resolve("@changesets/cli/package.json")),
  "bin.js"
)

/** The manifests, as if `version` of everything had been published, and no changesets. */
const released = (version: string): string => {
  const copy = mkdtempSync(join(inject("installed").scratch, "changesets-"))
  for (const file of ["package.json", "pnpm-workspace.yaml", ".changeset"]) {
    cpSync(join(root, file), join(copy, file), { recursive: true })
  }
  for (const { file } of readChangesets(join(root, ".changeset"))) rmSync(join(copy, ".changeset", file))
  for (const { directory, manifest } of packages) {
    mkdirSync(join(copy, directory), { recursive: true })
    const next = manifest.private === true ? manifest : { ...manifest, version }
    writeFileSync(join(copy, directory, "package.json"), JSON.stringify(next, null, 2))
  }
  const git = (...args: ReadonlyArray<string>) =>
    execFileSync("git", ["-c", "user.name=test", "-c", "user.email=test@example.com", ...args], { cwd: copy })
  git("init", "--quiet", "--initial-branch=main")
  git("add", ".")
  git("commit", "--quiet", "--message", "Release")
  return copy
}

const write = (copy: string, name: string, releases: Readonly<Record<string, string>>, summary: string) => {
  const front = Object.entries(releases).map(([id, type]) => `"@hb-sessions/${id}": ${type}\n`)
  writeFileSync(join(copy, ".changeset", `${name}.md`), `---\n${front.join("")}---\n\n${summary}\n`)
}

const version = (copy: string) =>
  execFileSync(process.execPath, [changeset, "version"], { cwd: copy, encoding: "utf8", stdio: "pipe" })

/** The versions that are not `before` any more. */
const changed = (copy: string, before: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    packages.flatMap(({ directory, id, manifest }) => {
      const now = readManifest(join(copy, directory)).version
      return now === (manifest.private === true ? manifest.version : before) ? [] : [[id, now]]
    })
  )

const changelog = (copy: string, directory: string) => {
  const file = join(copy, directory, "CHANGELOG.md")
  return existsSync(file) ? readFileSync(file, "utf8") : ""
}

describe("changeset version", () => {
  it("releases the CLI alone for a changeset of the CLI", () => {
    const copy = released("0.4.0")
    write(copy, "one", { cli: "minor" }, "Add `--status` to `list`.\n\nFiltering happens on the server.")
    version(copy)
    assert.deepStrictEqual(changed(copy, "0.4.0"), { cli: "0.5.0" })
    assert.strictEqual(
      changelog(copy, "apps/cli"),
      "# @hb-sessions/cli\n\n## 0.5.0\n\n### Minor Changes\n\n" +
        "- Add `--status` to `list`.\n\n  Filtering happens on the server.\n"
    )
    assert.deepStrictEqual(readdirSync(join(copy, ".changeset")).toSorted(), [
      "README.md",
      "changelog.mjs",
      "config.json"
    ])
  })

  it("makes a changelog that is packed", () => {
    const copy = released("0.4.0")
    write(copy, "one", { simulator: "patch" }, "Answer sooner.")
    version(copy)
    const pack = ["-y", "pnpm@12", "--dir", "packages/simulator", "pack", "--pack-destination", "packed"]
    execFileSync("npx", pack, { cwd: copy, stdio: "pipe" })
    const [tarball = ""] = readdirSync(join(copy, "packages/simulator/packed"))
    const { files, manifest } = unpack(join(copy, "packages/simulator/packed", tarball), join(copy, "unpacked"))
    assert.include(files, "CHANGELOG.md")
    assert.deepInclude(manifest.dependencies, { "@hb-sessions/core": "^0.4.0" })
  })

  it("releases with a minor of core below 1 the simulator, whose range it leaves, and the apps that were named", () => {
    const copy = released("0.4.0")
    write(copy, "one", { core: "minor", cli: "patch", export: "patch", proxy: "none" }, "Read faster.")
    version(copy)
    assert.deepStrictEqual(changed(copy, "0.4.0"), { cli: "0.4.1", core: "0.5.0", export: "0.4.1", simulator: "0.4.1" })
    assert.include(changelog(copy, "packages/simulator"), "- Use @hb-sessions/core 0.5.0.")
    assert.include(changelog(copy, "apps/cli"), "- Read faster.")
    assert.notInclude(changelog(copy, "apps/cli"), "app-kit")
    assert.strictEqual(changelog(copy, "apps/proxy"), "")
  })

  it("leaves the simulator alone for a minor of core from 1 on, as its range allows it", () => {
    const copy = released("1.2.0")
    write(copy, "one", { core: "minor", cli: "none", export: "none", proxy: "none" }, "Add a column.")
    version(copy)
    assert.deepStrictEqual(changed(copy, "1.2.0"), { core: "1.3.0" })
  })

  it("releases the simulator by itself", () => {
    const copy = released("0.4.0")
    write(copy, "one", { simulator: "patch" }, "Answer sooner.")
    version(copy)
    assert.deepStrictEqual(changed(copy, "0.4.0"), { simulator: "0.4.1" })
  })

  it("accepts the changesets of the workspace", () => {
    const copy = released("0.0.0")
    const pending = readChangesets(join(root, ".changeset"))
    for (const { file } of pending) cpSync(join(root, ".changeset", file), join(copy, ".changeset", file))
    version(copy)
    const ids = published.map(({ id }) => id)
    assert.includeMembers(ids, Object.keys(changed(copy, "0.0.0")))
  })
})

describe("a changeset that releases core", () => {
  const problems = (releases: string) => problemsOf(parseChangeset("x.md", `---\n${releases}\n---\n\nRead faster.\n`))
  const decided = '"@hb-sessions/core": minor\n"@hb-sessions/cli": none\n"@hb-sessions/export": patch'

  it("says of every app whether its users notice", () => {
    assert.deepStrictEqual(problems(`${decided}\n"@hb-sessions/proxy": none`), [])
    assert.deepStrictEqual(problems(decided), [
      'x.md releases @hb-sessions/core: name @hb-sessions/proxy too, with "none" if its users do not notice'
    ])
    assert.deepStrictEqual(problems('"@hb-sessions/cli": patch'), [])
  })
})

it("the pending changesets are complete, and tell users something", () => {
  assert.deepStrictEqual(readChangesets(join(root, ".changeset")).flatMap(problemsOf), [])
})

it("versions are independent, and only what is published has them", () => {
  const config = JSON.parse(readFileSync(join(root, ".changeset/config.json"), "utf8"))
  assert.deepInclude(config, { fixed: [], linked: [], ignore: [], privatePackages: { version: false, tag: false } })
  for (const { directory, manifest } of packages) {
    if (manifest.private !== true) continue
    assert.strictEqual(manifest.version, "0.0.0", directory)
    assert.isFalse(existsSync(join(root, directory, "CHANGELOG.md")), directory)
  }
})

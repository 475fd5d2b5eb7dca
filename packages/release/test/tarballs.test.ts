/**
 * What a stranger downloads: no more and no less than what is needed, readable by every tool.
 */
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core"
import { existsSync, readFileSync } from "node:fs"
import { isBuiltin } from "node:module"
import { dirname, join } from "node:path"
import { publint } from "publint"
import { formatMessage } from "publint/utils"
import { assert, describe, expect, inject, it } from "vitest"
import { importsOf } from "./bundle.ts"
import { outline, type Tarball, unpack } from "../src/tarball.ts"
import { apps, published, readManifest, root } from "../src/workspace.ts"

const { scratch, tarballs } = inject("installed")

/** Kilobytes that are transferred, and on disk. One who has a reason to go beyond raises the number with it. */
const budgets: Readonly<Record<string, readonly [packed: number, unpacked: number]>> = {
  cli: [290, 950],
  core: [350, 1450],
  // 40 and 115 of these are for Parquet, 130 and 540 for the queue of a fleet.
  export: [450, 1550],
  // 90 and 440 of these are for Redis, 75 and 200 for the dashboard; each is loaded only where it is used.
  proxy: [1350, 4750],
  simulator: [80, 400]
}

const contents = new Map(published.map(({ id }) => [id, unpack(tarballs[id] ?? "", join(scratch, "unpacked", id))]))
const tarballOf = (id: string): Tarball => {
  const tarball = contents.get(id)
  if (tarball === undefined) throw new Error(`${id} is not published`)
  return tarball
}

const ofText = (path: string): string => readFileSync(path, "utf8")

it("there are five", () => {
  assert.sameMembers(
    published.map(({ id }) => id),
    ["cli", "core", "export", "proxy", "simulator"]
  )
})

for (const { directory, id } of published) {
  const tarball = tarballOf(id)
  const { files, manifest } = tarball

  describe(`the tarball of ${id}`, () => {
    it("has these files", async () => {
      await expect(`${outline(files).join("\n")}\n`).toMatchFileSnapshot(`./fixtures/files/${id}.txt`)
    })

    it("has the licence, a README, and the changelog once there is one", () => {
      assert.include(files, "LICENSE")
      assert.include(files, "README.md")
      assert.strictEqual(ofText(join(tarball.directory, "LICENSE")), ofText(join(root, "LICENSE")))
      assert.include(manifest.files ?? [], "CHANGELOG.md")
    })

    it("has what its README links to; what lies outside is in the repository, where npm's site leads", () => {
      const readme = ofText(join(tarball.directory, "README.md"))
      const links = [...readme.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)[^)]*\)/g)].map(([, link]) => link ?? "")
      for (const link of links) {
        const from = link.startsWith("..") ? join(root, directory) : tarball.directory
        assert.isTrue(existsSync(join(from, link)), link)
      }
    })

    it("has a manifest that npm can read alone", () => {
      const text = ofText(join(tarball.directory, "package.json"))
      assert.notMatch(text, /"(?:catalog|workspace|link|file|portal):/)
      for (const script of ["preinstall", "install", "postinstall", "prepare", "prepublish"]) {
        assert.notProperty(manifest.scripts ?? {}, script)
      }
      assert.strictEqual(manifest.engines?.["node"], ">=22.19")
      assert.strictEqual(manifest.publishConfig?.access, "public")
      assert.strictEqual(manifest.license, "MIT")
      const needed = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })
      for (const name of needed) {
        const internal = published.find((one) => one.manifest.name === name)
        assert.isFalse(name.startsWith("@hb-sessions/") && internal === undefined, `${name} is never published`)
      }
    })

    it("has source maps to sources that are there", () => {
      for (const map of files.filter((file) => file.endsWith(".map"))) {
        const { sources, sourcesContent } = JSON.parse(ofText(join(tarball.directory, map)))
        assert.isNotEmpty(sources)
        if (sourcesContent !== undefined) continue
        for (const source of sources) {
          assert.isTrue(existsSync(join(tarball.directory, dirname(map), source)), `${map} points to ${source}`)
        }
      }
    })

    it("is within its budget", () => {
      const [packed, unpacked] = budgets[id] ?? [0, 0]
      const kilobytes = (bytes: number) => Math.ceil(bytes / 1000)
      console.log(
        `${id}: ${kilobytes(tarball.packed)} of ${packed} kB packed, ` +
          `${kilobytes(tarball.unpacked)} of ${unpacked} kB unpacked`
      )
      assert.isAtMost(kilobytes(tarball.packed), packed)
      assert.isAtMost(kilobytes(tarball.unpacked), unpacked)
    })

    it("passes publint, strictly", async () => {
      const { messages, pkg } = await publint({ pkgDir: tarball.directory, pack: false, strict: true })
      assert.deepStrictEqual(
        messages.map((message) => formatMessage(message, pkg)),
        []
      )
    })
  })
}

for (const id of ["core", "simulator"]) {
  const { files } = tarballOf(id)

  describe(`the tarball of ${id}`, () => {
    it("has of each source what the compiler makes of it, and nothing that outlived its source", () => {
      const modules = files.filter((file) => file.startsWith("src/")).map((file) => file.slice(4, -3))
      const expected = modules.flatMap((name) => [".d.ts", ".d.ts.map", ".js", ".js.map"].map((end) => name + end))
      assert.sameMembers(
        files.filter((file) => file.startsWith("dist/")).map((file) => file.slice(5)),
        expected
      )
    })

    // ESM only, on purpose: `require` finds an ES module, which Node 22.12 and newer load. The old resolution of Node 10
    // knows no `exports`.
    it("has types that are right, for every way to resolve them but the two that know no ES modules", async () => {
      const publicModules = files.flatMap((file) => /^dist\/([^/]+)\.js$/.exec(file)?.[1] ?? [])
      const analysis = await checkPackage(createPackageFromTarballData(readFileSync(tarballs[id] ?? "")), {
        entrypoints: publicModules.filter((name) => name !== "bin").map((name) => `./${name}`)
      })
      assert.isTrue(analysis.types !== false)
      const problems = "problems" in analysis ? analysis.problems : []
      assert.deepStrictEqual(
        problems.filter((problem) => !("resolutionKind" in problem) || !isIgnored(problem)),
        []
      )
    })
  })
}

const isIgnored = ({ kind, resolutionKind }: { readonly kind: string; readonly resolutionKind: string }): boolean =>
  (kind === "NoResolution" && resolutionKind === "node10") ||
  (kind === "CJSResolvesToESM" && resolutionKind === "node16-cjs")

for (const { id } of apps) {
  const { directory, files, manifest } = tarballOf(id)

  describe(`the tarball of ${id}`, () => {
    it("needs no other package", () => {
      assert.isUndefined(manifest.dependencies)
      assert.isUndefined(manifest.optionalDependencies)
      assert.isUndefined(manifest.peerDependencies)
    })

    it("starts with the interpreter, and imports nothing but Node's own modules", async () => {
      const [bin = ""] = Object.values(manifest.bin ?? {})
      assert.match(ofText(join(directory, bin)), /^#!\/usr\/bin\/env node\n/)
      assert.deepStrictEqual(
        (await importsOf(join(directory, bin))).filter((name) => !isBuiltin(name)),
        []
      )
    })

    it("names everybody whose code is in it, with the text of the licence", () => {
      const notices = ofText(join(directory, "dist/THIRD_PARTY_NOTICES.txt"))
      const heads = [...notices.matchAll(/^={80}\n(.+) \((.+)\)$/gm)]
      const texts = notices.split(/^={80}$/m).slice(1)
      assert.isNotEmpty(heads)
      assert.strictEqual(texts.length, heads.length)
      for (const text of texts) assert.match(text, /copyright/i)
      const named = heads.map(([, name]) => name)
      assert.include(named, `effect ${readManifest(join(root, "packages/core/node_modules/effect")).version}`)
      assert.strictEqual(
        named.some((name) => name?.startsWith("@scalar/api-reference ")),
        files.some((file) => file.endsWith(".js") && ofText(join(directory, file)).includes("@scalar/api-reference@"))
      )
    })
  })
}

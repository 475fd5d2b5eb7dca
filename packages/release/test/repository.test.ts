/**
 * What the release writes into the manifests before it publishes.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync } from "node:fs"
import { join } from "node:path"
import { publint } from "publint"
import { fileURLToPath } from "node:url"
import { assert, inject, it } from "vitest"
import { unpack } from "../src/tarball.ts"
import { published, readManifest } from "../src/workspace.ts"

const { scratch, tarballs } = inject("installed")
const script = fileURLToPath(new URL("../src/setRepository.ts", import.meta.url))

const run = (...args: ReadonlyArray<string>) =>
  execFileSync(process.execPath, [script, ...args], { encoding: "utf8", stdio: "pipe" })

it("says of every published package where it comes from, and changes nothing else", async () => {
  const target = mkdtempSync(join(scratch, "repository-"))
  for (const { directory, id } of published) unpack(tarballs[id] ?? "", join(target, directory))
  const before = published.map(({ directory }) => readManifest(join(target, directory)))
  run("https://example.com/owner/name", target)
  for (const [i, { directory }] of published.entries()) {
    assert.deepEqual(readManifest(join(target, directory)), {
      ...before[i],
      homepage: `https://example.com/owner/name/tree/main/${directory}#readme`,
      bugs: "https://example.com/owner/name/issues",
      repository: { type: "git", url: "git+https://example.com/owner/name.git", directory }
    } as never)
  }
  const linted = published.map(({ directory }) =>
    publint({ pkgDir: join(target, directory), pack: false, strict: true })
  )
  assert.deepStrictEqual(
    (await Promise.all(linted)).flatMap(({ messages }) => messages),
    []
  )
})

it("rejects what is not the address of a repository", () => {
  for (const address of [[], ["/"], ["https://example.com/"], ["https://example.com/owner"]]) {
    assert.throws(() => run(...address), /not the address of a repository/)
  }
})

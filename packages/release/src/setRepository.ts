/**
 * Writes where the repository is into the manifests of the published packages: `node setRepository.ts <url> [root]`.
 *
 * The release does it with the address that it runs at, so a fork or a move publishes the truth.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { published, root } from "./workspace.ts"

const [url, target = root] = process.argv.slice(2)
if (url === undefined || !/^https:\/\/[^/]+\/[^/]+\/[^/]+$/.test(url)) {
  throw new Error(`not the address of a repository: ${url}`)
}

for (const { directory } of published) {
  const file = join(target, directory, "package.json")
  const manifest = JSON.parse(readFileSync(file, "utf8"))
  const where = {
    homepage: `${url}/tree/main/${directory}#readme`,
    bugs: `${url}/issues`,
    repository: { type: "git", url: `git+${url}.git`, directory }
  }
  writeFileSync(file, `${JSON.stringify({ ...manifest, ...where }, null, 2)}\n`)
}

/**
 * Links within the repository lead somewhere.
 */
import { existsSync } from "node:fs"
import { join, posix } from "node:path"
import { assert, describe, it } from "vitest"
import { parse } from "../src/Markdown.ts"
import { documents, packages, root } from "../src/workspace.ts"

const isRelative = (target: string): boolean => !/^[a-z]+:/i.test(target)

describe("every relative link", () => {
  for (const file of documents) {
    const links = parse(file).links.filter(({ text }) => isRelative(text))
    if (links.length === 0) continue
    it(`of ${file} leads to a file, and its anchor to a heading`, () => {
      for (const { at, text } of links) {
        const [path = "", anchor] = text.split("#", 2)
        const target = path === "" ? file : posix.join(posix.dirname(file), path)
        assert.isTrue(existsSync(join(root, target)), `${at}: there is no ${target}`)
        if (anchor === undefined) continue
        assert.isTrue(target.endsWith(".md"), `${at}: ${target} has no headings`)
        assert.isTrue(parse(target).anchors.has(anchor), `${at}: ${target} has no heading #${anchor}`)
      }
    })
  }

  it("and every path in running text is there", () => {
    for (const file of documents) {
      for (const { at, text } of parse(file).inlineCode) {
        if (!/^(?:\.?[\w-]+\/)+[\w.-]*\.(?:tsx?|md|json|yml|yaml|sh|svg)$/.test(text)) continue
        const places = ["", posix.dirname(file), ...packages.map(({ directory }) => directory)]
        assert.isTrue(
          places.some((path) => existsSync(join(root, path, text))),
          `${at}: there is no ${text}`
        )
      }
    }
  })

  it("leads from the root README to every published package, and from somewhere to every decision", () => {
    const targets = new Set(parse("README.md").links.map(({ text }) => text))
    for (const { directory, isPrivate } of packages) if (!isPrivate) assert.isTrue(targets.has(directory), directory)
    const all = documents.flatMap((file) =>
      parse(file).links.map(({ text }) => posix.join(posix.dirname(file), text.split("#")[0] ?? ""))
    )
    for (const file of documents.filter((name) => name.startsWith("docs/adr/"))) assert.include(all, file)
  })
})

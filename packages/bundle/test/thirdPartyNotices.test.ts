/**
 * Bundles of real files, with packages made for the case.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { rolldown } from "rolldown"
import { afterEach, assert, beforeEach, it } from "vitest"
import { noticesFile, thirdPartyNotices } from "../src/thirdPartyNotices.ts"

let directory: string
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "hb-sessions-bundle-")))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const write = (file: string, text: string) => {
  mkdirSync(dirname(join(directory, file)), { recursive: true })
  writeFileSync(join(directory, file), text)
}

const addPackage = (name: string, license: string | undefined, files: Readonly<Record<string, string>>) => {
  const manifest = { name, version: "1.2.3", type: "module", main: "index.js", license }
  write(`node_modules/${name}/package.json`, JSON.stringify(manifest))
  write(`node_modules/${name}/index.js`, `export const value = ${JSON.stringify(name)}`)
  for (const [file, text] of Object.entries(files)) write(`node_modules/${name}/${file}`, text)
}

/** The notices of a program. */
const notices = async (program: string, inside: ReadonlyArray<string> = []): Promise<string> => {
  write("main.js", program)
  const bundle = await rolldown({
    input: join(directory, "main.js"),
    plugins: [thirdPartyNotices(inside.map((file) => join(directory, file)))],
    logLevel: "silent"
  })
  const { output } = await bundle.generate({ format: "esm" })
  await bundle.close()
  const file = output.find(({ fileName }) => fileName === noticesFile)
  return file?.type === "asset" ? String(file.source) : ""
}

const failure = (program: string): Promise<string> =>
  notices(program).then(
    () => "it was built",
    (error) => String(error)
  )

it("names each package in the bundle with its licence and the text, and no other", async () => {
  addPackage("used", "MIT", { LICENSE: "MIT License\n\nCopyright Used" })
  addPackage("@scope/used", "ISC", { "license.md": "ISC\n\nCopyright Scope" })
  addPackage("unused", "MIT", { LICENSE: "Copyright Unused" })
  const text = await notices(`
    import { value as a } from "used"
    import { value as b } from "@scope/used"
    import { value as c } from "unused"
    console.log(a, b)`)
  assert.match(text, /^@scope\/used 1\.2\.3 \(ISC\)\n\nISC\n\nCopyright Scope$/m)
  assert.match(text, /^used 1\.2\.3 \(MIT\)\n\nMIT License\n\nCopyright Used$/m)
  assert.notInclude(text, "Unused")
  assert.include(await notices("console.log(1)", ["node_modules/unused/index.js", "main.js"]), "Copyright Unused")
})

it("finds the package of a file below a manifest without a name", async () => {
  addPackage("nested", "MIT", {
    LICENSE: "Copyright Nested",
    "dist/package.json": '{ "type": "module" }',
    "dist/part.js": "export const part = (x) => x + 1"
  })
  assert.include(
    await notices('import { part } from "nested/dist/part.js"\nconsole.log(part(process.argv.length))'),
    "nested 1.2.3 (MIT)"
  )
})

it("takes a licence that stands whole in a README, and no mere mention of one", async () => {
  const licence = "Copyright Reader\n\nPermission is granted."
  addPackage("reader", "MIT", { "README.md": `# reader\n\n## License\n\n${licence}\n\n## More\n\nmore\n` })
  addPackage("mention", "MIT", { "README.md": "# mention\n\n## License\n\nMIT, copyright Somebody\n" })
  const text = await notices('import { value } from "reader"\nconsole.log(value)')
  assert.include(text, `reader 1.2.3 (MIT)\n\n${licence}`)
  assert.notInclude(text, "more")
  assert.include(await failure('import { value } from "mention"\nconsole.log(value)'), "no text of its licence")
})

it("rejects a licence that is not allowed", async () => {
  addPackage("copyleft", "AGPL-3.0", { LICENSE: "Copyright Left" })
  assert.match(
    await failure('import { value } from "copyleft"\nconsole.log(value)'),
    /copyleft .* AGPL-3\.0 is not one of/
  )
})

it("rejects a package without the text of its licence", async () => {
  addPackage("bare", "MIT", {})
  assert.match(await failure('import { value } from "bare"\nconsole.log(value)'), /bare is bundled and has no text/)
})

it("names whose code a package carries as a string, and rejects what it does not know", async () => {
  const carrier = (original: string) => ({
    LICENSE: "Copyright Carrier",
    "httpApiScalar.js": `export const javascript = "Original file: ${original}"`
  })
  const program = 'import { javascript } from "carrier/httpApiScalar.js"\nconsole.log(javascript)'
  addPackage("carrier", "MIT", carrier("/npm/@scalar/api-reference@1.43.5/dist"))
  assert.include(
    await notices(program),
    "@scalar/api-reference 1.43.5 (MIT)\n\nMIT License\n\nCopyright (c) 2023-present Scalar"
  )
  addPackage("carrier", "MIT", carrier("/npm/other@1.0.0/dist"))
  assert.match(await failure(program), /Whose code does .*httpApiScalar\.js hold/)
})

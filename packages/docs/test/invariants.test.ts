/**
 * ARCHITECTURE.md tells the truth: each of its invariants is held by a check here, or by a test that is named here.
 */
import { posix } from "node:path"
import { assert, describe, it } from "vitest"
import { type Import, importsBelow } from "../src/imports.ts"
import { filesBelow, type Package, packages, read } from "../src/workspace.ts"

const architecture = read("ARCHITECTURE.md")
const apps = packages.filter(({ directory }) => directory.startsWith("apps/"))
const [core, simulator, appKit] = ["core", "simulator", "app-kit"].map((name) => `@hb-sessions/${name}`)

const sourceImports = (directory: string): ReadonlyArray<Import> => importsBelow(`${directory}/src`)

/** Those that a rule forbids, as text. */
const violations = (imports: ReadonlyArray<Import>, isAllowed: (one: Import) => boolean): ReadonlyArray<string> =>
  imports.filter((one) => !isAllowed(one)).map(({ from, specifier }) => `${from} imports ${specifier}`)

const none = (imports: ReadonlyArray<Import>, isAllowed: (one: Import) => boolean): void => {
  assert.isAbove(imports.length, 0)
  assert.deepStrictEqual(violations(imports, isAllowed), [])
}

/** A test elsewhere that holds an invariant. */
const heldBy = (file: string, title: string): void => assert.include(read(file), title, `${file} has no such test`)

const dependencies = ({ manifest }: Package, ...kinds: ReadonlyArray<string>): ReadonlyArray<string> =>
  kinds
    .flatMap((kind) => Object.keys(Object(manifest[kind])))
    .filter((name) => packages.some((one) => one.name === name))

/** A way from a package back to it; undefined when there is none. */
const cycleFrom = (start: string, next: (name: string) => Iterable<string>): ReadonlyArray<string> | undefined => {
  const seen = new Set<string>()
  const visit = (path: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
    for (const name of next(path.at(-1) ?? start)) {
      if (name === start) return [...path, name]
      if (seen.has(name)) continue
      seen.add(name)
      const cycle = visit([...path, name])
      if (cycle !== undefined) return cycle
    }
    return undefined
  }
  return visit([start])
}

/** The invariants by how they begin, each with its check. */
const invariants: Readonly<Record<string, () => void>> = {
  "core imports nothing but itself": () => {
    none(
      sourceImports("packages/core"),
      ({ specifier, workspacePackage }) =>
        workspacePackage === core || (/^effect(?:\/|$)/.test(specifier) && !/^effect\/cli(?:\/|$)/.test(specifier))
    )
    heldBy("packages/core/test/portability.test.ts", "can be bundled for a browser without an import left")
  },
  "an unknown key or an unknown value of an enum is data": () => {
    heldBy("packages/core/test/schemas.test.ts", "a page as servers send it")
    for (const name of ["unknown-keys", "unknown-values"])
      assert.isNotEmpty(read(`packages/core/test/fixtures/variants/${name}.json`))
  },
  "the API key is `Redacted`": () => {
    heldBy("packages/core/test/SessionsClient.test.ts", "is in no error, log, span, inspection or stack")
    heldBy("packages/core/test/SessionsClient.test.ts", "are rejected by fetch too")
  },
  "only the package itself imports its `internal/`": () =>
    none(
      packages.flatMap(({ directory }) => importsBelow(directory)),
      ({ from, specifier, workspacePackage }) =>
        workspacePackage === undefined ||
        !specifier.includes("internal/") ||
        from.startsWith("packages/conformance/") ||
        packages.some(({ directory, name }) => name === workspacePackage && from.startsWith(`${directory}/`))
    ),
  "the simulator imports only the schemas and the contract": () => {
    const known = ["Session", "SessionPage", "LaunchState", "Timestamp", "ErrorBody", "SessionsApi", "QueryErrors"]
    none(
      sourceImports("packages/simulator"),
      ({ specifier, workspacePackage }) =>
        workspacePackage !== core || known.some((name) => specifier === `${core}/${name}`)
    )
    none(importsBelow("packages/core"), ({ workspacePackage }) => workspacePackage !== simulator)
  },
  "packages depend on each other without a cycle": () => {
    for (const { name } of packages) {
      const cycle = cycleFrom(name, (from) => {
        const one = packages.find((other) => other.name === from)
        return one === undefined ? [] : dependencies(one, "dependencies", "devDependencies", "peerDependencies")
      })
      assert.isUndefined(cycle, cycle?.join(" → "))
    }
    const imported = new Map(
      packages.map(({ directory, name }) => [
        name,
        new Set(
          importsBelow(directory).flatMap((one) => (one.workspacePackage === name ? [] : (one.workspacePackage ?? [])))
        )
      ])
    )
    for (const { name } of packages) {
      const cycle = cycleFrom(name, (from) => imported.get(from) ?? [])
      assert.isUndefined(cycle, cycle?.join(" → "))
    }
    for (const one of packages.filter(({ isPrivate }) => !isPrivate)) {
      const published = packages.filter(({ isPrivate }) => !isPrivate).map(({ name }) => name)
      assert.includeMembers(published, [
        ...dependencies(one, "dependencies", "peerDependencies", "optionalDependencies")
      ])
    }
  },
  "no file of a package's source imports itself by way of others": () => {
    for (const { directory } of packages) {
      const imports = importsBelow(`${directory}/src`).flatMap(({ from, specifier }) =>
        specifier.startsWith(".") ? [[from, posix.join(posix.dirname(from), specifier)] as const] : []
      )
      const targets = Map.groupBy(imports, ([from]) => from)
      for (const from of targets.keys()) {
        const cycle = cycleFrom(from, (file) => targets.get(file)?.map(([, to]) => to) ?? [])
        assert.isUndefined(cycle, cycle === undefined ? "" : [from, ...cycle].join(" → "))
      }
    }
  },
  "of the workspace, the source of an app imports core and the app kit only": () => {
    for (const { directory, name } of apps) {
      none(
        sourceImports(directory),
        ({ specifier, workspacePackage }) =>
          [undefined, name, core, appKit].includes(workspacePackage) ||
          (directory === "apps/proxy" && specifier === "@hb-sessions/dashboard/assets")
      )
      const others = new Set(apps.map((app) => app.name).filter((other) => other !== name))
      none(importsBelow(directory), ({ workspacePackage }) => !others.has(workspacePackage ?? ""))
    }
    none(sourceImports("packages/app-kit"), ({ workspacePackage }) =>
      [undefined, core, appKit].includes(workspacePackage)
    )
  },
  "stdout is data, stderr is diagnostics": () => {
    heldBy("packages/app-kit/test/run.test.ts", "one line at most, and the exit code")
    heldBy("apps/cli/test/failures.test.ts", "in one line on stderr with a hint")
  },
  "a file that an app publishes is complete or absent": () => {
    heldBy(
      "packages/app-kit/test/AtomicFile.test.ts",
      "leaves the earlier file, and nothing beside it, when it is interrupted"
    )
    heldBy("apps/export/test/crash.test.ts", "leaves the generation before or the new one")
  }
}

describe("an invariant of ARCHITECTURE.md", () => {
  const stated = [...architecture.matchAll(/^\*\*Invariant:\*\* (.+)$/gm)].map((match) => match[1] ?? "")

  for (const [beginning, check] of Object.entries(invariants)) {
    it(`${beginning}`, () => {
      assert.lengthOf(
        stated.filter((text) => text.startsWith(beginning)),
        1,
        "ARCHITECTURE.md does not state it"
      )
      check()
    })
  }

  it("is held by a check, each of them", () => {
    const beginnings = Object.keys(invariants)
    assert.deepStrictEqual(
      stated.filter((text) => !beginnings.some((beginning) => text.startsWith(beginning))),
      []
    )
  })
})

describe("ARCHITECTURE.md names", () => {
  it("every package", () => {
    for (const { directory } of packages) assert.include(architecture, `\`${directory}\``)
    const named = [...architecture.matchAll(/`((?:packages|apps)\/[a-z-]+)`/g)].map((match) => match[1] ?? "")
    const directories = new Set(
      filesBelow("packages")
        .concat(filesBelow("apps"))
        .map((file) => file.split("/", 2).join("/"))
    )
    for (const name of named) assert.isTrue(directories.has(name), name)
  })

  it("every module of core, and none that does not exist", () => {
    const rows = /\| module[^]*?\n\n/.exec(architecture)?.[0].split("\n").slice(2) ?? []
    const named = rows.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map((match) => match[1]))
    const modules = filesBelow("packages/core/src").flatMap(
      (file) => /^packages\/core\/src\/(\w+)\.ts$/.exec(file)?.[1] ?? []
    )
    assert.sameMembers(named, modules)
  })

  it("as many reasons of SessionsError as there are", async () => {
    const numbers = [
      "no",
      "one",
      "two",
      "three",
      "four",
      "five",
      "six",
      "seven",
      "eight",
      "nine",
      "ten",
      "eleven",
      "twelve"
    ]
    const source = read("packages/core/src/SessionsError.ts")
    const reasons = [...source.matchAll(/^export class (\w+) extends Schema\.TaggedError/gm)].length - 1
    assert.include(architecture, `one error, ${numbers[reasons]} reasons`)
  })
})

describe("the rules of CONTRIBUTING.md", () => {
  it("name a module of the libraries after its main export, or after the namespace it is imported as", () => {
    const namespaces = new Set(
      [...filesBelow("packages"), ...filesBelow("apps")]
        .filter((file) => file.endsWith(".ts"))
        .flatMap((file) => [...read(file).matchAll(/import (?:type )?\* as (\w+) from/g)].map((match) => match[1]))
    )
    for (const file of filesBelow("packages")) {
      const name = /^packages\/(?:core|simulator|app-kit)\/src\/(?:.+\/)?([A-Z]\w+)\.ts$/.exec(file)?.[1]
      if (name === undefined || namespaces.has(name)) continue
      assert.match(
        read(file),
        new RegExp(`^export (?:abstract )?(?:const|class|function\\*?|interface|type) \\w*${name}`, "im"),
        file
      )
    }
  })

  it("end relative imports in .ts, and import modules of effect rather than all of it in what is shipped", () => {
    for (const { directory, isPrivate } of packages) {
      const imports = sourceImports(directory)
      assert.deepStrictEqual(
        violations(imports, ({ specifier }) => !specifier.startsWith(".") || /\.(?:ts|json)$/.test(specifier)),
        []
      )
      if (!isPrivate)
        assert.deepStrictEqual(
          violations(imports, ({ specifier }) => specifier !== "effect"),
          []
        )
    }
  })
})

/**
 * What is published from this workspace.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const root: string = fileURLToPath(new URL("../../../", import.meta.url))

/** The fields of a `package.json` that are looked at here. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly license?: string
  readonly bin?: Readonly<Record<string, string>>
  readonly files?: ReadonlyArray<string>
  readonly scripts?: Readonly<Record<string, string>>
  readonly engines?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly publishConfig?: { readonly access?: string }
}

/** A member of the workspace. */
export interface Package {
  /** The name without its scope. */
  readonly id: string
  /** Relative to the root, with slashes. */
  readonly directory: string
  readonly manifest: Manifest
}

export const readManifest = (directory: string): Manifest =>
  JSON.parse(readFileSync(join(directory, "package.json"), "utf8"))

export const packages: ReadonlyArray<Package> = ["packages", "apps"].flatMap((parent) =>
  readdirSync(join(root, parent)).flatMap((name) => {
    const directory = `${parent}/${name}`
    if (!readdirSync(join(root, directory)).includes("package.json")) return []
    const manifest = readManifest(join(root, directory))
    return [{ id: manifest.name.replace(/^@[^/]*\//, ""), directory, manifest }]
  })
)

export const published: ReadonlyArray<Package> = packages.filter(({ manifest }) => manifest.private !== true)

/** The published packages that users run; they bundle what they need. */
export const apps: ReadonlyArray<Package> = published.filter(({ directory }) => directory.startsWith("apps/"))

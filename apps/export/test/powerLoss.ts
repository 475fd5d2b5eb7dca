/**
 * What a power cut may leave, by the order of the system calls alone.
 *
 * A model of a file system that keeps no promise but those of POSIX: what was written is on the disk when the file was
 * flushed, and what became of a name when its directory was; until then any mixture of old and new may be found. After
 * every call it is asked what a reader could find who follows the manifest.
 */

interface Node {
  readonly id: number
  /** Whether bytes may be missing. */
  isDirty: boolean
  /** What was written; kept of manifests only. */
  text: string
  /** The names in a directory; undefined for a file. */
  readonly names: Map<string, Name> | undefined
}

interface Name {
  now: Node | undefined
  /** What may be found under it after a power cut. */
  maybe: Set<Node | undefined>
}

/** One system call; arguments are as strace prints them. */
interface Call {
  readonly name: string
  readonly args: string
}

/** The calls of a log that succeeded, in the order in which they ended. */
export const parseCalls = (log: string): ReadonlyArray<Call> => {
  const begun = new Map<string, string>()
  const calls: Array<Call> = []
  for (const line of log.split("\n")) {
    const [, thread = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? []
    if (rest.endsWith("<unfinished ...>")) {
      begun.set(thread, rest.slice(0, -"<unfinished ...>".length))
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)
    const whole = resumed === null ? rest : `${begun.get(thread) ?? ""}${resumed[1]}`
    const [, name = "", args = "", result = ""] = /^(\w+)\((.*)\) += (-?\d+)/.exec(whole) ?? []
    if (name !== "" && !result.startsWith("-")) calls.push({ name, args })
  }
  return calls
}

/** The directory of a call that flushes one, or the file; for tests that leave such calls out. */
export const flushedBy = ({ args, name }: Call): string | undefined =>
  name === "fsync" || name === "fdatasync" ? pathOf(args) : undefined

/** The path behind the number of a file. */
const pathOf = (args: string): string => /^\d+<([^>]*)>/.exec(args)?.[1] ?? ""

/** The quoted strings of a call. */
const strings = (args: string): ReadonlyArray<string> =>
  [...args.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text]) => text ?? "")

/**
 * Follows the calls of runs that begin with a directory that does not exist; the first thing that a power cut could have
 * spoilt, or undefined.
 */
export const spoiltByPowerLoss = (calls: ReadonlyArray<Call>, root: string): string | undefined => {
  let ids = 0
  const make = (isDirectory: boolean): Node => ({
    id: ids++,
    isDirty: false,
    text: "",
    names: isDirectory ? new Map() : undefined
  })
  const top = make(true)

  /** The names below the root, or undefined for what lies elsewhere. */
  const partsOf = (path: string) => {
    if (path === root) return []
    return path.startsWith(`${root}/`) ? path.slice(root.length + 1).split("/") : undefined
  }
  const find = (path: string): Node | undefined =>
    partsOf(path)?.reduce<Node | undefined>((node, part) => node?.names?.get(part)?.now, top)
  const set = (path: string, node: Node | undefined) => {
    const parts = partsOf(path)
    const last = parts?.at(-1)
    if (parts === undefined || last === undefined) return
    const names = parts.slice(0, -1).reduce<Node | undefined>((found, part) => found?.names?.get(part)?.now, top)?.names
    const name = names?.get(last) ?? { now: undefined, maybe: new Set([undefined]) }
    name.now = node
    name.maybe.add(node)
    names?.set(last, name)
  }

  const apply = ({ args, name }: Call) => {
    const [first = "", second = ""] = strings(args)
    const opened = pathOf(args)
    if (name === "mkdir") set(first, make(true))
    else if (name === "openat" && args.includes("O_CREAT") && find(first) === undefined) set(first, make(false))
    else if (name === "openat" && args.includes("O_TRUNC")) change(first, "")
    else if (name === "write" || name === "pwrite64") change(opened, first)
    else if (name === "rename") {
      set(second, find(first))
      set(first, undefined)
    } else if (name === "link") set(second, find(first))
    else if (name === "unlink" || name === "rmdir") set(first, undefined)
    else if (name === "fsync" || name === "fdatasync") flush(find(opened))
  }
  const change = (path: string, text: string) => {
    const node = find(path)
    if (node === undefined) return
    node.isDirty = true
    if (path.endsWith("manifest.json")) node.text = text === "" ? "" : node.text + text
  }
  const flush = (node: Node | undefined) => {
    if (node === undefined) return
    node.isDirty = false
    for (const name of node.names?.values() ?? []) name.maybe = new Set([name.now])
  }

  /** What may be found at a path, none of it half. */
  const mayBe = (path: string): ReadonlyArray<Node | undefined> =>
    (partsOf(path) ?? []).reduce<ReadonlyArray<Node | undefined>>(
      (nodes, part) => nodes.flatMap((node) => [...(node?.names?.get(part)?.maybe ?? [undefined])]),
      [top]
    )

  const check = (): string | undefined => {
    for (const manifest of mayBe(`${root}/manifest.json`)) {
      if (manifest === undefined) continue
      if (manifest.isDirty) return "the manifest may be half"
      for (const path of filesOf(manifest.text)) {
        const found = mayBe(`${root}/${path}`)
        if (found.includes(undefined)) return `${path} of the manifest may be missing`
        if (found.length > 1) return `${path} of the manifest may be another file`
        if (found.some((node) => node?.isDirty === true)) return `${path} of the manifest may be half`
      }
    }
    const beside = mayBe(`${root}/sessions.csv`)
    return beside.some((node) => node?.isDirty === true) ? "sessions.csv may be half" : undefined
  }

  for (const call of calls) {
    apply(call)
    const problem = check()
    if (problem !== undefined) return `${problem} after ${call.name}(${call.args.slice(0, 200)})`
  }
  return undefined
}

/** The files that the text of a manifest names, with the escapes of strace; none while it is being written. */
const filesOf = (escaped: string): ReadonlyArray<string> => {
  try {
    const { bookmark, files, tombstones } = JSON.parse(JSON.parse(`"${escaped}"`))
    return [...files, ...tombstones, ...(bookmark?.index?.files ?? [])].map(
      ({ path }: { readonly path: string }) => path
    )
  } catch {
    return []
  }
}

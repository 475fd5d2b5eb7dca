/**
 * What stands at a path that is about to be written.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Stats } from "node:fs"
import { lstat, readFile, readlink, realpath } from "node:fs/promises"
import { basename, dirname, isAbsolute, join, resolve as absolute } from "node:path"
import { AppError, exitCodes } from "./AppError.ts"
import { attempt, shownPath, type SystemError } from "./SystemError.ts"

/** What stands at a path, behind its symbolic links. */
export type FileTarget =
  /** A regular file, or none yet, in a directory that exists. `path` has no symbolic link in it. */
  | { readonly _tag: "Regular"; readonly path: string; readonly previous: Stats | undefined }
  /** One of the process's own descriptors, such as `/dev/stdout`. */
  | { readonly _tag: "Descriptor"; readonly number: number }
  /** What is written to and never replaced. */
  | { readonly _tag: "Special"; readonly path: string; readonly kind: "device" | "FIFO" | "socket" }

/** As many as Linux follows. */
const MAX_LINKS = 40

/** The names of a process's own descriptors; where they lead to is not a path. */
const DESCRIPTOR = /^\/(?:dev\/fd|proc\/(?:self|thread-self|(\d+))\/fd)\/(\d+)$/

/** A failure to write a file that is known before anything is written: a mistake of the caller that named it. */
export const unwritable = (file: string, problem: string): AppError =>
  new AppError({ message: `${shownPath(file)} cannot be written: ${problem}`, exitCode: exitCodes.usage })

/**
 * Finds what stands at a path.
 *
 * **Details**
 *
 * Follows symbolic links, also those that lead to a file that does not exist yet. Fails with the exit code of a usage
 * error where no file can be: an empty name, a directory, a missing directory, links that lead in a circle.
 */
export const find = Effect.fn("FileTarget.find")(function* (file: string): Effect.fn.Return<FileTarget, AppError> {
  if (file === "") return yield* unwritable(file, "its name is empty; give the name of a file")
  if (file.includes("\0")) return yield* unwritable(file, "its name holds a NUL character")
  let path = absolute(file) + (file.endsWith("/") ? "/" : "")
  for (let links = 0; links <= MAX_LINKS; links++) {
    const number = descriptorOf(path)
    if (number !== undefined) return { _tag: "Descriptor", number }
    if (path.endsWith("/")) return yield* unwritable(file, "that names a directory; name a file in it")
    const parent = dirname(path)
    const link = links > 0
    const directory = yield* Effect.mapError(
      attempt(() => realpath(parent)),
      (error) => unwritable(file, directoryProblem(error, parent, link))
    )
    const name = basename(path)
    const here = join(directory, name)
    if (name === "." || name === "..") return yield* unwritable(file, IS_DIRECTORY)
    const stats = yield* attempt(() => lstat(here)).pipe(
      Effect.asSome,
      Effect.catch((error) =>
        error.code === "ENOENT"
          ? Effect.succeedNone
          : Effect.fail(unwritable(file, directoryProblem(error, parent, link)))
      )
    )
    const found = Option.getOrUndefined(stats)
    if (found === undefined || found.isFile()) return { _tag: "Regular", path: here, previous: found }
    if (found.isDirectory()) return yield* unwritable(file, IS_DIRECTORY)
    if (!found.isSymbolicLink()) {
      return { _tag: "Special", path: here, kind: found.isFIFO() ? "FIFO" : found.isSocket() ? "socket" : "device" }
    }
    const target = yield* Effect.mapError(
      attempt(() => readlink(here)),
      ({ message }) => unwritable(file, message)
    )
    // Joined as text: `a/..` behind a symbolic link `a` is not where it seems to be.
    path = isAbsolute(target) ? target : `${directory}/${target}`
  }
  return yield* unwritable(file, "its symbolic links lead in a circle")
})

const IS_DIRECTORY = "it is a directory; name a file in it"

const descriptorOf = (path: string): number | undefined => {
  const [, process_, number] = DESCRIPTOR.exec(path) ?? []
  return number === undefined || (process_ !== undefined && Number(process_) !== process.pid)
    ? undefined
    : Number(number)
}

const directoryProblem = ({ code, message }: SystemError, parent: string, isLink: boolean): string => {
  const directory = shownPath(parent)
  const subject = isLink
    ? `it is a symbolic link, and the directory that it leads to, ${directory},`
    : `the directory ${directory}`
  switch (code) {
    case "ENOENT":
      return `${subject} does not exist; make it first`
    case "ENOTDIR":
      return `${directory} is not a directory`
    case "EACCES":
      return `this user may not look into the directory ${directory}`
    case "ENAMETOOLONG":
      return "its name is longer than the file system allows; give a shorter one"
    case "ELOOP":
      return "its symbolic links lead in a circle"
    default:
      return message
  }
}

/** Whether a file has been mounted by itself, as containers do: it cannot be replaced then. False where it cannot be told. */
export const isMountPoint = (path: string): Effect.Effect<boolean> =>
  attempt(() => readFile("/proc/self/mountinfo", "utf8")).pipe(
    Effect.map((text) => text.split("\n").some((line) => unescaped(line.split(" ")[4] ?? "") === path)),
    Effect.orElseSucceed(() => false)
  )

/** Blanks are written as octal numbers there. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))

/**
 * What stands where a file should be, for tests of built apps: each must be told at once.
 */
import { execFileSync } from "node:child_process"
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { User } from "./Bin.ts"

/** Something in the place of a file, and how an app says so. */
export interface OddFile {
  readonly path: string
  readonly problem: string
  /** The user for whom it is so; the own one if undefined. */
  readonly user?: User
}

/** Whether devices can be made, and programs be run as another user. */
const isRoot = process.getuid?.() === 0

/** A user that owns nothing. */
const otherUser: User = { uid: 65_534, gid: 65_534 }

/** Makes one of each in a directory, which others may then look into. Devices and other users need root. */
export const make = (directory: string): ReadonlyArray<OddFile> => {
  const at = (name: string) => join(directory, name)
  chmodSync(directory, 0o755)
  mkdirSync(at("directory"))
  execFileSync("mkfifo", [at("fifo")])
  symlinkSync("fifo", at("link-to-fifo"))
  symlinkSync("circle", at("circle"))
  writeFileSync(at("file"), "")
  const odd: Array<OddFile> = [
    { path: at("directory"), problem: "it is a directory, not a file" },
    { path: at("fifo"), problem: "it is a FIFO, not a file" },
    { path: at("link-to-fifo"), problem: "it is a FIFO, not a file" },
    { path: at("circle"), problem: "its symbolic links lead in a circle" },
    { path: at("file/in-file"), problem: "a part of its path is not a directory" }
  ]
  if (isRoot) {
    execFileSync("mknod", [at("null"), "c", "1", "3"])
    execFileSync("mknod", [at("zero"), "c", "1", "5"])
    writeFileSync(at("unreadable"), "", { mode: 0o600 })
    odd.push(
      { path: at("null"), problem: "it is a device, not a file" },
      { path: at("zero"), problem: "it is a device, not a file" },
      { path: at("unreadable"), problem: "this user may not read it", user: otherUser }
    )
  }
  return odd
}

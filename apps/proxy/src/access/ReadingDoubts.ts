/**
 * What may keep a server from reading a file that was just written, which the one who wrote it would not notice.
 */
import { attempt, shownPath } from "@hb-sessions/app-kit/SystemError"
import * as Effect from "effect/Effect"
import { stat } from "node:fs/promises"
import { dirname } from "node:path"

const OWNER_READS = 0o400
const GROUP_READS = 0o040
const OWNER_SEARCHES = 0o100
const OTHERS_SEARCH = 0o011

/** Where systemd keeps what belongs to services with a user made up for them, who see it by another way. */
const SYSTEMD_PRIVATE = "/var/lib/private"

/** Each reason that there is, as one line; none where the owner of the file can read it and is not only root. */
export const find = (path: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const { mode, uid } = yield* attempt(() => stat(path))
    const file = shownPath(path)
    if (uid === 0) {
      return process.getuid?.() === 0 && (mode & GROUP_READS) === 0
        ? [`only root can read ${file}; if the server runs as another user, run: chown <that user> ${file}`]
        : []
    }
    const doubts: Array<string> = []
    if ((mode & OWNER_READS) === 0) doubts.push(`${file}: its owner may not read it; run: chmod 600 ${file}`)
    for (let at = path; at !== dirname(at); at = dirname(at)) {
      const parent = dirname(at)
      const directory = yield* attempt(() => stat(parent))
      // Of which groups the owner is cannot be told.
      const searches = directory.uid === uid ? OWNER_SEARCHES : OTHERS_SEARCH
      if ((directory.mode & searches) === 0 && parent !== SYSTEMD_PRIVATE) {
        doubts.push(`${file}: its owner cannot enter the directory ${shownPath(parent)}`)
      }
    }
    return doubts
  }).pipe(Effect.orElseSucceed(() => []))

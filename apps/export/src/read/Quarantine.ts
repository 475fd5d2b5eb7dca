/**
 * Rows that are not sessions, written to `quarantine.ndjson` with the reason: no row is dropped silently.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import { withoutSecrets } from "@hb-sessions/core/secretKeys"
import type { UnreadableRow } from "@hb-sessions/core/SessionPage"
import * as SessionsNdjson from "@hb-sessions/core/SessionsNdjson"
import * as Effect from "effect/Effect"
import { exitCodes } from "../exitCodes.ts"

/** One line of `quarantine.ndjson`: the reason, the position of the row, and the row without secrets. */
export const lineOf = ({ index, page, path, reason, row }: UnreadableRow): string =>
  `{"reason":${JSON.stringify(reason)},"page":${page},"index":${index},"path":${JSON.stringify(path)},"row":${SessionsNdjson.encodeUnreadable({ row: withoutSecrets(row) })}}\n`

/** Fails with exit code 7 when too many rows are not sessions. */
export const check = (options: {
  readonly quarantined: number
  readonly received: number
  /** 0 to 1. */
  readonly most: number
}): Effect.Effect<void, AppError> => {
  const { most, quarantined, received } = options
  const rows = quarantined + received
  if (quarantined <= rows * most) return Effect.void
  return Effect.fail(
    new AppError({
      message: `${quarantined} of ${rows} rows are not sessions, which is more than --max-quarantine (${percent(most)}); nothing is published; hb-sessions doctor shows what is wrong with them; raise --max-quarantine to publish the others`,
      exitCode: exitCodes.invalidResponse
    })
  )
}

const percent = (share: number): string => `${Number((share * 100).toPrecision(6))} %`

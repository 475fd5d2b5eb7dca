/**
 * Sessions by id, and why one was not found.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import * as SessionsById from "@hb-sessions/core/SessionsById"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { counted } from "../output/text.ts"
import { usage } from "../settings/usage.ts"
import { reading } from "./selection.ts"

/** Finds sessions by their ids; fails when the beginning of an id is not enough. */
export const find = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
  const found = yield* SessionsById.find(ids, yield* reading)
  const [ambiguous] = found.ambiguous
  if (ambiguous === undefined) return found
  return yield* usage(
    `${JSON.stringify(ambiguous.given)} matches ${counted(ambiguous.ids.length, "id")}, such as ${ambiguous.ids.slice(0, 3).join(", ")}; give more characters`
  )
})

/** Why an id was not found; undefined when all were. */
export const notFound = ({ missing, report }: SessionsById.Found): AppError | undefined => {
  if (missing.length === 0) return undefined
  const ids = missing.map((id) => JSON.stringify(id)).join(", ")
  const read = counted(Option.isSome(report) ? report.value.distinctRows : 0, "session")
  const certainty =
    Option.isSome(report) && report.value.completeness.status === "proven"
      ? `${read} read (proven complete); check the id and the profile`
      : `${read} read, while the list changed; try again`
  const hint = missing.some((id) => id.length < SessionsById.leastPrefix)
    ? `; give at least ${SessionsById.leastPrefix} characters of an id`
    : ""
  return new AppError({ message: `there is no session ${ids}: ${certainty}${hint}`, exitCode: exitCodes.notFound })
}

/**
 * `--jq`: what an expression makes of each record, one line a result; text without its quotes, as `jq --raw-output`.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import * as SessionsNdjson from "@hb-sessions/core/SessionsNdjson"
import * as Effect from "effect/Effect"
import type { MakeEncoder } from "./Encoder.ts"

/** Compiles an expression; fails with a usage error that says where it is wrong. */
export const compile = (expression: string) =>
  Effect.flatMap(
    Effect.promise(() => import("@michaelhomer/jqjs")),
    (jq) =>
      Effect.try({
        try: () => jq.compile(expression),
        catch: (error) => new AppError({ message: `--jq: ${textOf(error)}`, exitCode: exitCodes.usage })
      })
  )

type Filter = Effect.Success<ReturnType<typeof compile>>

/** The lines that an expression makes of a value; throws an `AppError` where it cannot be applied. */
export const apply = (filter: Filter, value: unknown): string => {
  let text = ""
  try {
    for (const result of filter(value)) text += `${typeof result === "string" ? result : JSON.stringify(result)}\n`
  } catch (error) {
    throw new AppError({ message: `--jq: ${textOf(error)}`, exitCode: exitCodes.unexpected })
  }
  return text
}

/** The format that prints what an expression makes of each session. */
export const jqFormat = (expression: string): Effect.Effect<MakeEncoder, AppError> =>
  Effect.map(compile(expression), (filter) => () => ({
    rows: (sessions) =>
      sessions.map((session) => apply(filter, JSON.parse(SessionsNdjson.encodeSession(session)))).join(""),
    end: () => ""
  }))

/** The library throws text. */
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

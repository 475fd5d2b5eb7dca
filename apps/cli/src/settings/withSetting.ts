/**
 * Changes one setting of a profile in a settings file, and nothing else: comments and layout stay.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Toml from "effect/encoding/Toml"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"

/** What is to be changed; an empty value removes the setting. */
interface Change {
  readonly profile: string
  readonly name: string
  readonly value: string
}

/**
 * The text of the file with the setting in the profile.
 *
 * What comes out is read back, so that no command can be left with a file that it rejects.
 */
export const withSetting = Effect.fnUntraced(function* (file: string, text: string, change: Change) {
  const before = Result.getOrElse(Toml.parse(text), () => ({}))
  const wanted = changed(before, change)
  // The library would write a new profile in one line, and at the top.
  const appended = `${text}${sectionOf(text, change)}`
  if (isSame(Toml.parse(appended), wanted)) return appended
  const library = yield* Effect.promise(() => import("@decimalturn/toml-patch"))
  const edited = yield* Effect.try(() => library.patch(text, changed(library.parse(text), change))).pipe(
    Effect.filterOrFail((after) => isSame(Toml.parse(after), wanted)),
    Effect.mapError(
      () =>
        new AppError({
          message: `${file} cannot be edited without losing something, so it was not changed; write ${change.name} into it yourself, below [profiles.${change.profile}]`,
          exitCode: exitCodes.unexpected
        })
    )
  )
  return edited.endsWith("\n") || edited === "" ? edited : `${edited}\n`
})

const sectionOf = (text: string, { name, profile, value }: Change) => {
  const end = text.includes("\r\n") ? "\r\n" : "\n"
  const gap = text === "" ? "" : text.endsWith("\n") ? end : `${end}${end}`
  return `${gap}[profiles.${profile}]${end}${name} = ${JSON.stringify(typed(value))}${end}`
}

const isSame = (after: ReturnType<typeof Toml.parse>, wanted: unknown): boolean =>
  Result.isSuccess(after) && Equal.equals(after.success, wanted)

const tableOf = (value: unknown): Readonly<Record<string, unknown>> => (Predicate.isObject(value) ? { ...value } : {})

const changed = (root: unknown, { name, profile, value }: Change): Readonly<Record<string, unknown>> => {
  const top = tableOf(root)
  const profiles = tableOf(top["profiles"])
  const { [name]: _, ...others } = tableOf(profiles[profile])
  // In the place that it had, so that nothing moves.
  const settings = value === "" ? others : { ...tableOf(profiles[profile]), [name]: typed(value) }
  if (value === "" && !Object.hasOwn(profiles, profile)) return top
  return { ...top, profiles: { ...profiles, [profile]: settings } }
}

/** Numbers are written as such, everything else as text. */
const typed = (value: string): string | number =>
  /^(?:0|[1-9]\d{0,14})(?:\.\d+)?$/.test(value) ? Number(value) : value.toWellFormed()

/**
 * What people have been told of an export, from one run to the next: without it, no run would know that it is the first
 * that works again.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Note } from "../publish/Destination.ts"

/** Epoch milliseconds that a date can hold. */
const Time = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 8.64e15 }))

/** Schema for what is remembered while an export has a problem that people were told of. */
const Remembered = Schema.Struct({
  /** When they were first told of it. */
  since: Time,
  /** When they were last told that the export is stale. */
  staleTold: Schema.optionalKey(Time)
})
export type Remembered = typeof Remembered.Type

const Text = Schema.fromJsonString(Remembered)
const toText = Schema.encodeSync(Text)

/** How long a destination is waited for: a run must end. */
const LIMIT = Duration.seconds(2)

/** Remembers a problem until it is over. */
export interface Memory {
  /** None while all is well. */
  readonly read: Effect.Effect<Option.Option<Remembered>>
  readonly write: (remembered: Remembered) => Effect.Effect<void>
  readonly clear: Effect.Effect<void>
}

/**
 * Remembers in the destination, and where that is impossible, as long as the process runs.
 *
 * A note that cannot be read stands for a problem all the same: on a full disk there is room for its name only.
 */
export const make = (note: Note): Memory => {
  const bounded = Effect.timeout(LIMIT)
  let unsaved = Option.none<Remembered>()
  const save = (remembered: Option.Option<Remembered>) =>
    Effect.sync(() => {
      unsaved = remembered
    })
  const read = Effect.gen(function* () {
    const text = yield* Effect.orElseSucceed(bounded(note.read), () => Option.none<string>())
    if (Option.isNone(text)) return unsaved
    const now = yield* Clock.currentTimeMillis
    return Option.some(Option.getOrElse(Schema.decodeOption(Text)(text.value), (): Remembered => ({ since: now })))
  })
  const write = (remembered: Remembered) =>
    bounded(note.write(toText(remembered))).pipe(
      Effect.andThen(save(Option.none())),
      Effect.catch(() => save(Option.some(remembered)))
    )
  const clear = Effect.andThen(save(Option.none()), Effect.ignore(bounded(note.remove)))
  return { read, write, clear }
}

/**
 * What a command does is loaded when it is run, so that `--help` does not wait for it.
 */
import * as Effect from "effect/Effect"

/** Makes the handler of a command from a module that is loaded on its first call. */
export const lazily =
  <Input, E, R>(load: () => Promise<(input: Input) => Effect.Effect<void, E, R>>) =>
  (input: Input): Effect.Effect<void, E, R> =>
    Effect.flatMap(Effect.promise(load), (action) => action(input))

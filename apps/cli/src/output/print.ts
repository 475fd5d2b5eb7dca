/**
 * Where data goes: to stdout, or to what the name of a file stands for.
 */
import * as OutputFile from "@hb-sessions/app-kit/OutputFile"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Diagnostics } from "./Diagnostics.ts"

const STDOUT = "-"

/** The file that a flag names, unless that is stdout. */
export const named = (file: Option.Option<string>): Option.Option<string> =>
  Option.filter(file, (name) => name !== STDOUT)

/** Prints text, waiting for its reader. Succeeds with false when the reader, such as `head`, has gone. */
export const printAll = <E, R>(text: Stream.Stream<string, E, R>) =>
  Effect.scoped(Effect.flatMap(OutputFile.open(STDOUT), ({ write }) => write(text)))

/** Prints one text. */
export const print = (text: string) => printAll(Stream.succeed(text))

/** Opens the named file, or else stdout; before the first request, since it fails when nothing can be written there. */
export const openOutput = Effect.fnUntraced(function* (file: Option.Option<string>) {
  const diagnostics = yield* Diagnostics
  const name = Option.getOrElse(file, () => STDOUT)
  return yield* OutputFile.open(name, { onWait: diagnostics.warn(`waiting for a program that reads ${name}`) })
})

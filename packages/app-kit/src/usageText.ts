/**
 * Usage errors as one line for the user at the terminal.
 */
import type * as CliError from "effect/cli/CliError"

/** A setting from the environment or a file is reported as the flag that it stands in for, with a value of "config". */
const CONFIGURED = /^Invalid value for flag --\S+: "config"\. Expected: SchemaError\((.*?)(?: at \["([^"]+)"\])?\)$/s

/** The text of a usage error without how the value was checked; a setting is called by its own name. */
export const usageText = (error: CliError.CliError): string => {
  if (error._tag === "UnrecognizedOption" || error._tag === "UnknownSubcommand") return unknownText(error)
  const { message } = error
  const [, problem, name] = CONFIGURED.exec(message) ?? []
  const text = problem === undefined || name === undefined ? message : `Invalid value for ${name}. Expected: ${problem}`
  return oneLine(text.replace("Schema validation failed: ", "").replace(/Expected: expected /i, "Expected: "))
}

const unknownText = (error: CliError.UnrecognizedOption | CliError.UnknownSubcommand): string => {
  const { _tag, suggestions } = error
  const text = oneLine(error.message.replace(/\n[^]*$/, ""))
  const meant = _tag === "UnknownSubcommand" ? suggestions : likelyFlags(error.option, suggestions)
  return meant.length === 0 ? text : `${text}; did you mean ${meant.join(" or ")}?`
}

/** Any letter is close to any other: short flags are only offered for what differs in case. */
const likelyFlags = (given: string, suggestions: ReadonlyArray<string>): ReadonlyArray<string> =>
  suggestions.filter((name) =>
    name.startsWith("--") ? given.startsWith("--") : name !== given && name.toLowerCase() === given.toLowerCase()
  )

/** Any run of white space, line breaks too, becomes one space. */
export const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim()

/**
 * Usage errors as one line for the user at the terminal.
 */
import type * as CliError from "effect/cli/CliError"

/** The text of a usage error, with what was probably meant. */
export const usageText = (error: CliError.CliError): string => {
  switch (error._tag) {
    case "UnrecognizedOption": {
      const { command = [], option, suggestions } = error
      const place = command.length === 0 ? "" : ` in command ${command.join(" ")}`
      return oneLine(`Unrecognized flag: ${option}${place}${meant(likelyFlags(option, suggestions))}`)
    }
    case "UnknownSubcommand": {
      const { parent = [], subcommand, suggestions } = error
      const place = parent.length === 0 ? "" : ` for "${parent.join(" ")}"`
      return oneLine(`Unknown subcommand "${subcommand}"${place}${meant(suggestions)}`)
    }
    default:
      return oneLine(error.message)
  }
}

const meant = (names: ReadonlyArray<string>): string =>
  names.length === 0 ? "" : `; did you mean ${names.join(" or ")}?`

/** Any letter is close to any other: short flags are only offered for what differs in case. */
const likelyFlags = (given: string, suggestions: ReadonlyArray<string>): ReadonlyArray<string> =>
  suggestions.filter((name) =>
    name.startsWith("--") ? given.startsWith("--") : name !== given && name.toLowerCase() === given.toLowerCase()
  )

/** Any run of white space, line breaks too, becomes one space. */
export const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim()

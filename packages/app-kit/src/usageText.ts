/**
 * Usage errors as one line for whoever sits at the terminal.
 */

/** A setting from the environment or a file is reported as the flag that it stands in for, with a value of "config". */
const CONFIGURED = /^Invalid value for flag --\S+: "config"\. Expected: SchemaError\((.*?)(?: at \["([^"]+)"\])?\)$/s

/** The text of a usage error without how the value was checked; a setting is called by its own name. */
export const usageText = (message: string): string => {
  const [, problem, name] = CONFIGURED.exec(message) ?? []
  const text = problem === undefined || name === undefined ? message : `Invalid value for ${name}. Expected: ${problem}`
  return oneLine(text.replace("Schema validation failed: ", "").replace(/Expected: expected /i, "Expected: "))
}

/** Any run of white space, line breaks too, becomes one space. */
export const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim()

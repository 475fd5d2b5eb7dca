/**
 * Changes one line of a settings file and leaves the others, comments among them, as they are.
 */

const header = (profile: string) => `[profiles.${profile}]`

const HEADER = /^\s*\[/

/** The text of the file with the setting in the profile; an empty value removes it. */
export const withSetting = (text: string, profile: string, name: string, value: string): string => {
  const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n")
  const line = `${name} = ${literal(value)}`
  const start = lines.findIndex((each) => isHeaderOf(each, profile))
  if (start < 0) {
    if (value === "") return text
    return `${[...lines, ...(lines.length === 0 ? [] : [""]), header(profile), line].join("\n")}\n`
  }
  const next = lines.findIndex((each, index) => index > start && HEADER.test(each))
  const end = next < 0 ? lines.length : next
  const at = lines.findIndex((each, index) => index > start && index < end && keyOf(each) === name)
  const added = value === "" ? [] : [line]
  if (at < 0) lines.splice(start + 1, 0, ...added)
  else lines.splice(at, 1, ...added)
  return `${lines.join("\n")}\n`
}

const isHeaderOf = (line: string, profile: string) =>
  /^\s*\[\s*profiles\s*\.\s*"?([^"\]\s]+)"?\s*\]\s*(?:#.*)?$/.exec(line)?.[1] === profile

const keyOf = (line: string) => /^\s*"?([\w-]+)"?\s*=/.exec(line)?.[1]

/** Numbers are written as such; everything else is text, for which JSON's form is one of TOML's but for halves of characters. */
const literal = (value: string): string =>
  /^(?:0|[1-9]\d*)(?:\.\d+)?$/.test(value) ? value : JSON.stringify(value.toWellFormed())

/**
 * How changesets become entries of a changelog: the text as it was written. Users look for what changes for them, and
 * have no use for the hash of a commit.
 */
const getReleaseLine = async ({ summary }) => {
  const [first = "", ...rest] = summary.trim().split("\n")
  return [`- ${first}`, ...rest.map((line) => (line === "" ? "" : `  ${line}`))].join("\n")
}

const getDependencyReleaseLine = async (_changesets, updated) =>
  updated.length === 0 ? "" : `- Use ${updated.map(({ name, newVersion }) => `${name} ${newVersion}`).join(", ")}.`

export default { getReleaseLine, getDependencyReleaseLine }

/**
 * Writes the reference of core into docs/api, and fails when a comment is missing or wrong.
 */
import { join } from "node:path"
import { generate } from "./ApiReference.ts"
import { apiDirectory, root } from "./workspace.ts"

const problems = await generate(join(root, apiDirectory))
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
else console.log(`${apiDirectory}/index.html`)

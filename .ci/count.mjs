// Adds up the reports that the test runners left behind, and fails when one is missing or tells of a failure.
import { existsSync, readdirSync, readFileSync } from "node:fs"

const read = (file) => JSON.parse(readFileSync(file, "utf8"))

let passed = 0
let failed = 0
for (const parent of ["packages", "apps"]) {
  for (const name of readdirSync(parent)) {
    const directory = `${parent}/${name}`
    if (!existsSync(`${directory}/package.json`)) continue
    if (read(`${directory}/package.json`).scripts?.test === undefined) continue
    const report = `${directory}/test-results/vitest.json`
    if (!existsSync(report)) {
      console.error(`${report} is missing: the tests of ${directory} did not run to their end`)
      failed += 1
      continue
    }
    const { numFailedTests, numFailedTestSuites, numPassedTests, success } = read(report)
    passed += numPassedTests
    // A file that cannot be loaded fails as a suite without a test.
    failed += Math.max(
      numFailedTests,
      success ? 0 : Math.max(1, numFailedTests),
      numFailedTests === 0 ? numFailedTestSuites : 0
    )
  }
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

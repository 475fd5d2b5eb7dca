import { defineConfig } from "vitest/config"

// The files share two cores with what they start: one at a time.
export default defineConfig({
  test: { globalSetup: ["test/setup.ts"], fileParallelism: false, hookTimeout: 120_000, include: ["test/**/*.test.ts"] }
})

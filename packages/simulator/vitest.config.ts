import { defineConfig } from "vitest/config"

// A process that is started from source takes seconds on a busy machine.
export default defineConfig({ test: { testTimeout: 60_000 } })

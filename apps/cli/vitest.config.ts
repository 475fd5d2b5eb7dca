import { defineConfig } from "vitest/config"

// Every test runs the packed and globally installed program, which is made once.
export default defineConfig({ test: { globalSetup: ["test/install.ts"], testTimeout: 60_000 } })

import { defineConfig } from "rolldown"

export default defineConfig({
  input: "src/bin.ts",
  platform: "node",
  output: { dir: "dist", format: "esm", minify: true, cleanDir: true, chunkFileNames: "[name]-[hash].js" }
})

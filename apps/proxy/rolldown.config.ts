import { defineConfig } from "rolldown"
import { thirdPartyNotices } from "@hb-sessions/bundle/thirdPartyNotices"

export default defineConfig({
  input: "src/bin.ts",
  platform: "node",
  plugins: [thirdPartyNotices()],
  output: { file: "dist/bin.js", format: "esm", minify: true, codeSplitting: false }
})

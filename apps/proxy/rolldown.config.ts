import { defineConfig } from "rolldown"
import { inlineAssets } from "@hb-sessions/dashboard/inlineAssets"
import { thirdPartyNotices } from "@hb-sessions/bundle/thirdPartyNotices"

export default defineConfig({
  input: "src/bin.ts",
  platform: "node",
  // A hash that only commands use which the proxy does not send.
  resolve: { alias: { "@node-rs/xxhash": false } },
  plugins: [inlineAssets(), thirdPartyNotices()],
  output: { dir: "dist", format: "esm", minify: true, cleanDir: true, chunkFileNames: "[name]-[hash].js" }
})

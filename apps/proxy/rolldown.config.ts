import { defineConfig } from "rolldown"
import { inlineAssets } from "@hb-sessions/dashboard/inlineAssets"
import { thirdPartyNotices } from "@hb-sessions/bundle/thirdPartyNotices"

const dashboard = await inlineAssets()

export default defineConfig({
  input: "src/bin.ts",
  platform: "node",
  // A hash that only commands use which the proxy does not send.
  resolve: { alias: { "@node-rs/xxhash": false } },
  plugins: [dashboard.plugin, thirdPartyNotices(dashboard.moduleIds)],
  output: { dir: "dist", format: "esm", minify: true, cleanDir: true, chunkFileNames: "[name]-[hash].js" }
})

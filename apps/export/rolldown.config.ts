import { join } from "node:path"
import { defineConfig } from "rolldown"
import { thirdPartyNotices } from "@hb-sessions/bundle/thirdPartyNotices"

const notBundled = join(import.meta.dirname, "src/fleet/notBundled.ts")

export default defineConfig({
  input: "src/bin.ts",
  platform: "node",
  resolve: { alias: { "cron-parser": notBundled, "rrule-temporal": notBundled } },
  plugins: [thirdPartyNotices()],
  output: { dir: "dist", format: "esm", minify: true, cleanDir: true, chunkFileNames: "[name]-[hash].js" }
})

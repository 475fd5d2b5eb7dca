#!/usr/bin/env node
/**
 * Starts a store from the command line, prints its variables, one a line, and serves until SIGINT or SIGTERM.
 *
 * `node src/bin.ts --port 0 --bucket exports --page-size 1000 --ignore-conditions`
 */
import { parseArgs } from "node:util"
import { startObjectStore } from "./ObjectStore.ts"

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    bucket: { type: "string", multiple: true, default: ["exports"] },
    region: { type: "string", default: "us-east-1" },
    "page-size": { type: "string", default: "1000" },
    "ignore-conditions": { type: "boolean", default: false }
  }
})

const store = await startObjectStore({
  port: Number(values.port),
  buckets: values.bucket,
  region: values.region,
  pageSize: Number(values["page-size"]),
  ignoreConditions: values["ignore-conditions"]
})

const lines = Object.entries(store.environment).map((pair) => `${pair.join("=")}\n`)
process.stdout.write(lines.join(""))

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void store.stop())

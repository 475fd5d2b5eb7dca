/**
 * A worker in workerd, over real HTTP.
 */
import { workerd } from "@hb-sessions/runtimes"
import { spawn } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { Readable } from "node:stream"
import { inject } from "vitest"
import { stop } from "./simulator.ts"

// From 2025-06-01 on, code may be generated from text while a worker starts.
const config = `
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["private"]))
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);

const main :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.js")],
  compatibilityDate = "2025-01-01"
);
`

/** Asks the worker once. */
export const readInWorkerd = async (worker: string, query: Readonly<Record<string, string>>): Promise<unknown> => {
  const directory = join(inject("installed").scratch, "workerd")
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, "worker.js"), worker)
  writeFileSync(join(directory, "config.capnp"), config)
  const child = spawn(workerd, ["serve", "--control-fd=3", "config.capnp"], {
    cwd: directory,
    stdio: ["ignore", "inherit", "inherit", "pipe"]
  })
  try {
    const port = await listening(child.stdio[3])
    const response = await fetch(`http://127.0.0.1:${port}/?${new URLSearchParams(query)}`)
    const text = await response.text()
    return response.ok ? JSON.parse(text) : text
  } finally {
    await stop(child)
  }
}

/** The control channel tells the port in a line of JSON. */
const listening = async (control: unknown): Promise<number> => {
  if (!(control instanceof Readable)) throw new Error("there is no control channel")
  for await (const line of createInterface({ input: control })) {
    const { event, port } = JSON.parse(line)
    if (event === "listen") return port
  }
  throw new Error("workerd ended before it listened")
}

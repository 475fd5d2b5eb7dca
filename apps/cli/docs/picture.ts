/**
 * Draws `docs/terminal.svg`: the built program in a pseudo-terminal, against the simulator.
 *
 * Run with `node docs/picture.ts` after a build.
 */
import { startSimulator } from "@hb-sessions/simulator/Simulator"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const COLUMNS = 84

const commands = [
  "hb-sessions list --limit 6",
  "hb-sessions list --all --strict --format csv --output sessions.csv",
  "hb-sessions stats --since 2025-10-20 --by week"
]

/** Makes a pseudo-terminal; from util-linux. */
const terminal = "script"

const bin = fileURLToPath(new URL("../dist/bin.js", import.meta.url))

/** What the commands print in a terminal, each behind its prompt. */
const record = async (): Promise<string> => {
  const directory = mkdtempSync(join(tmpdir(), "hb-sessions-picture-"))
  const simulator = await startSimulator({ sessions: 2000 })
  try {
    const wrapper = `#!/bin/sh\nexec "${process.execPath}" "${bin}" "$@"\n`
    writeFileSync(join(directory, "hb-sessions"), wrapper, { mode: 0o755 })
    const env = {
      PATH: [directory, dirname(process.execPath), "/usr/bin", "/bin"].join(delimiter),
      HOME: directory,
      TERM: "xterm-256color",
      HYPERBROWSER_API_KEY: simulator.apiKey,
      HYPERBROWSER_BASE_URL: simulator.url
    }
    let text = ""
    for (const command of commands) {
      const line = `stty cols ${COLUMNS} rows 50; ${command}`
      const child = spawn(terminal, ["-qefc", line, "/dev/null"], {
        env,
        cwd: directory,
        stdio: ["ignore", "pipe", "inherit"]
      })
      text += `\u001B[32m$\u001B[0m \u001B[1m${command}\u001B[0m\n`
      child.stdout.on("data", (data) => (text += String(data)))
      // oxlint-disable-next-line no-await-in-loop -- the commands follow each other in the picture
      await once(child, "close")
      text += "\n"
    }
    return text
  } finally {
    await simulator.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

const styles: Readonly<Record<string, string>> = {
  "1": "font-weight:700",
  "2": "fill:#8b949e",
  "31": "fill:#ff7b72",
  "32": "fill:#7ee787",
  "33": "fill:#e3b341",
  "36": "fill:#79c0ff"
}

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const CHARACTER = 8.4
const LINE = 19
const MARGIN = 18
const BAR = 34

/** One line of a terminal as SVG; a transient line is what it is in the end. */
const lineOf = (line: string, y: number): string => {
  const shown = line.replaceAll("\r\r", "").split("\u001B[K").at(-1) ?? ""
  let column = 0
  let style = ""
  let text = ""
  // oxlint-disable-next-line no-control-regex -- colours of the terminal
  for (const part of shown.split(/(\u001B\[\d+m)/)) {
    // oxlint-disable-next-line no-control-regex -- colours of the terminal
    const code = /^\u001B\[(\d+)m$/.exec(part)?.[1]
    if (code !== undefined) style = code === "0" ? "" : (styles[code] ?? "")
    else if (part !== "") {
      const x = (MARGIN + column * CHARACTER).toFixed(1)
      const width = (part.length * CHARACTER).toFixed(1)
      const attributes = style === "" ? "" : ` style="${style}"`
      if (part.trim() !== "")
        text += `<text x="${x}" y="${y}" textLength="${width}"${attributes}>${escape(part)}</text>`
      column += part.length
    }
  }
  return text
}

/** A window with the text in it. */
const draw = (text: string): string => {
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/\r$/, ""))
  const [width, height] = [2 * MARGIN + COLUMNS * CHARACTER, BAR + 2 * MARGIN + lines.length * LINE]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>hb-sessions in a terminal</title>
<style>text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #e6edf3; white-space: pre }</style>
<rect width="${width}" height="${height}" rx="10" fill="#0d1117"/>
<circle cx="22" cy="20" r="6" fill="#ff5f57"/><circle cx="42" cy="20" r="6" fill="#febc2e"/><circle cx="62" cy="20" r="6" fill="#28c840"/>
${lines.map((line, index) => lineOf(line, BAR + MARGIN + index * LINE)).join("\n")}
</svg>
`
}

writeFileSync(new URL("terminal.svg", import.meta.url), draw(await record()))

/**
 * The least that a program can do which lists one page with `node:http`: no arguments, no errors, no retries.
 */
import { get } from "node:http"
import { printTable } from "./printTable.ts"

get(
  `${process.env["HYPERBROWSER_BASE_URL"]}/api/sessions?page=1&limit=1`,
  { headers: { "x-api-key": process.env["HYPERBROWSER_API_KEY"] ?? "" } },
  (response) => {
    let text = ""
    response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
    response.on("end", () => printTable(text))
  }
)

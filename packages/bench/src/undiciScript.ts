/**
 * The least that a program can do which lists one page with undici: no arguments, no errors, no retries.
 */
import { request } from "undici"
import { printTable } from "./printTable.ts"

const { body } = await request(`${process.env["HYPERBROWSER_BASE_URL"]}/api/sessions?page=1&limit=1`, {
  headers: { "x-api-key": process.env["HYPERBROWSER_API_KEY"] ?? "" }
})
printTable(await body.text())

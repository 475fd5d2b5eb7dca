/**
 * As `httpScript.js`, with undici.
 */
import { request } from "undici"

const { body } = await request(`${process.env["HYPERBROWSER_BASE_URL"]}/api/sessions?page=1&limit=1`, {
  headers: { "x-api-key": process.env["HYPERBROWSER_API_KEY"] }
})
const { sessions } = await body.json()
for (const { createdAt, id, status } of sessions) console.log([id, status, createdAt].join("  "))

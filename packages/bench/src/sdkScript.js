/**
 * The shortest script that lists sessions with the vendor's SDK; in JavaScript, as Node takes its time to strip types.
 */
import { Hyperbrowser } from "@hyperbrowser/sdk"

const client = new Hyperbrowser({
  apiKey: process.env["HYPERBROWSER_API_KEY"],
  baseUrl: process.env["HYPERBROWSER_BASE_URL"]
})
const { sessions } = await client.sessions.list({ page: 1, limit: 1 })
console.log(JSON.stringify(sessions[0]))

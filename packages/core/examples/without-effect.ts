/**
 * Prints the first hundred closed sessions, then how far a read under a deadline gets. No Effect in sight.
 *
 * Run it with `HYPERBROWSER_API_KEY` set; `HYPERBROWSER_BASE_URL` names another server.
 */
import { createSessionsClient, SessionsApiError } from "@hb-sessions/core/promise"

const client = createSessionsClient({
  apiKey: process.env["HYPERBROWSER_API_KEY"] ?? "",
  baseUrl: process.env["HYPERBROWSER_BASE_URL"]
})

try {
  for (const session of await client.toArray({ status: "closed", limit: 100 })) {
    console.log(session.id, session.creditsUsed ?? 0, "credits")
  }

  let count = 0
  for await (const { sessions } of client.pages({ signal: AbortSignal.timeout(60_000) })) count += sessions.length
  console.log(count, "sessions in all")
} catch (error) {
  if (!(error instanceof SessionsApiError)) throw error
  console.error(error.code, error.message)
  process.exitCode = 1
}

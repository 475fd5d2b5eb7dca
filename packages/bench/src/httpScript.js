/**
 * The least that a program can do which prints one page: no arguments, no settings, no checks, no retries.
 */
const { get } = process.getBuiltinModule("node:http")

get(
  `${process.env["HYPERBROWSER_BASE_URL"]}/api/sessions?page=1&limit=1`,
  { headers: { "x-api-key": process.env["HYPERBROWSER_API_KEY"] } },
  (response) => {
    let text = ""
    response.setEncoding("utf8").on("data", (chunk) => (text += chunk))
    response.on("end", () => {
      for (const { createdAt, id, status } of JSON.parse(text).sessions) console.log([id, status, createdAt].join("  "))
    })
  }
)

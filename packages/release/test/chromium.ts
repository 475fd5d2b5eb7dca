/**
 * A page in Chromium. Page and API have one origin, as a site would have it: the API allows no other.
 */
import { once } from "node:events"
import { createServer, request, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { chromium } from "playwright-core"

/** Runs the script in a page and returns what it left there. */
export const readInChromium = async (
  executablePath: string,
  script: string,
  { apiKey, upstream }: { readonly apiKey: string; readonly upstream: string }
): Promise<unknown> => {
  const server = createServer((incoming, outgoing) => {
    const { pathname } = new URL(incoming.url ?? "/", upstream)
    if (pathname === "/") {
      outgoing.setHeader("content-type", "text/html").end('<body></body><script type="module" src="/page.js"></script>')
    } else if (pathname === "/page.js") {
      outgoing.setHeader("content-type", "text/javascript").end(script)
    } else {
      const headers = { ...incoming.headers, host: new URL(upstream).host }
      request(new URL(incoming.url ?? "/", upstream), { headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      }).end()
    }
  })
  const origin = await listen(server)
  const browser = await chromium.launch({
    executablePath,
    headless: true,
    args: ["--no-sandbox", "--disable-background-networking"]
  })
  try {
    const page = await browser.newPage()
    const error = page.waitForEvent("pageerror", { timeout: 0 }).then((thrown) => Promise.reject(thrown))
    error.catch(() => {})
    await page.goto(`${origin}/?${new URLSearchParams({ apiKey })}`)
    const done = page.waitForFunction(() => document.title === "done", undefined, { timeout: 45_000 })
    await Promise.race([done, error])
    return JSON.parse((await page.textContent("body")) ?? "")
  } finally {
    await browser.close()
    server.closeAllConnections()
    server.close()
  }
}

const listen = async (server: Server): Promise<string> => {
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

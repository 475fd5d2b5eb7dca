/**
 * One server for all forms: the first part of the path chooses one, or else the status that is asked for.
 */
import { Effect } from "effect"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { pageForms } from "./pageForms.ts"
import { rowForms } from "./rowForms.ts"

const PAGE_SIZE = 10

/** A list that holds every row form. */
export const ALL_ROWS = "all-rows"

/** The list that holds the form of a number alone. */
export const rowList = (index: number): string => `row-${index}`

/** The list whose first page is the form of a number. */
export const pageList = (index: number): string => `page-${index}`

const pageOf = (rows: ReadonlyArray<string>, page: number): string => {
  const shown = rows.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE)
  return `{"sessions":[${shown.join()}],"totalCount":${rows.length},"page":${page},"pageSize":${PAGE_SIZE}}`
}

/** What a list answers for a page: a page form is followed by pages without rows. */
export const bodyOf = (list: string, page: number): string => {
  const [kind, index = ""] = list.split("-")
  if (list === ALL_ROWS) {
    return pageOf(
      rowForms.map(({ sent }) => sent),
      page
    )
  }
  if (kind === "row") return pageOf([rowForms[Number(index)]?.sent ?? ""], page)
  return page === 1 ? (pageForms[Number(index)]?.sent ?? "") : '{"sessions":[]}'
}

/** Serves until the scope ends; `urlOf` gives a list's own server. */
export const formServer = Effect.acquireRelease(
  Effect.promise(async () => {
    const server = createServer(({ url = "" }, response) => {
      const { pathname, searchParams } = new URL(url, "http://127.0.0.1")
      const list = searchParams.get("status") ?? pathname.split("/")[1] ?? ""
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(bodyOf(list, Number(searchParams.get("page") ?? 1)))
    }).listen(0, "127.0.0.1")
    await once(server, "listening")
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return { server, url, urlOf: (list: string) => `${url}/${list}` }
  }),
  ({ server }) =>
    Effect.sync(() => {
      server.close()
      server.closeAllConnections()
    })
)

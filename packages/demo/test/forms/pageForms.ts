/**
 * Answers whose oddity is that of the page as a whole.
 */

/** An answer, and what must come of it. */
export interface PageForm {
  readonly about: string
  /** The body of page 1. */
  readonly sent: string
  /** The ids that are read; absent where the answer is no page, and reading stops. */
  readonly ids?: ReadonlyArray<string>
  /** Paths of the values that have no meaning. */
  readonly ignored?: ReadonlyArray<string>
  /** The total that is understood; absent for none. */
  readonly total?: number
}

const ids = ["b0d1e500-0001-4000-8000-00000000000a", "b0d1e500-0001-4000-8000-00000000000b"]

const sessions = JSON.stringify(
  ids.map((id, index) => ({ id, status: "closed", createdAt: `2026-02-0${2 - index}T00:00:00.000Z` }))
)

/** Two sessions, with these members of the page, as JSON text. */
const page = (about: string, members: string, total?: number, ignored: ReadonlyArray<string> = []): PageForm => ({
  about,
  sent: `{"sessions":${sessions}${members === "" ? "" : `,${members}`}}`,
  ids,
  ignored,
  ...(total === undefined ? {} : { total })
})

const stops = (about: string, sent: string): PageForm => ({ about, sent })

/** All forms. */
export const pageForms: ReadonlyArray<PageForm> = [
  page("the contract", '"totalCount":2,"page":1,"pageSize":10', 2),
  page("nothing but sessions", ""),
  page("a total in text", '"totalCount":"2","page":1,"perPage":10', 2),
  page("a total in text with decimals", '"totalCount":"2.0"', 2),
  page("a total that is null", '"totalCount":null,"page":1,"perPage":10'),
  page("a total that is empty text", '"totalCount":"","page":1'),
  page("a total that is a word", '"totalCount":"many","page":1', undefined, ["totalCount"]),
  page("a total beyond any number", '"totalCount":1e999,"page":1', undefined, ["totalCount"]),
  page("a total that is negative", '"totalCount":-1,"page":1,"pageSize":10'),
  page("a total that is no whole number", '"totalCount":2.5,"page":1,"pageSize":10'),
  page("a page in text", '"totalCount":2,"page":"1","pageSize":10', 2),
  page("a page that is null", '"totalCount":2,"page":null,"pageSize":10', 2),
  page("a page that is a word", '"totalCount":2,"page":"first","pageSize":10', 2, ["page"]),
  page("a page counted from 0", '"totalCount":2,"page":0,"pageSize":10', 2),
  page("a page size in text", '"totalCount":2,"page":1,"perPage":"10"', 2),
  page("a page size that is null", '"totalCount":2,"page":1,"pageSize":null,"perPage":null', 2),
  page("a page size of nothing", '"totalCount":2,"page":1,"pageSize":0', 2),
  page("a page size that is negative", '"totalCount":2,"page":1,"pageSize":-10', 2),
  page("two page sizes", '"totalCount":2,"page":1,"pageSize":null,"perPage":10', 2),
  page("keys of its own", '"totalCount":2,"page":1,"cursor":9007199254740993,"links":{"next":null}', 2),
  page("the notes of a reader", '"totalCount":2,"ignoredValues":{"x":5},"unreadableRows":[{"row":1}]', 2),
  { ...page("a byte order mark", ""), sent: `\uFEFF{"sessions":${sessions},"totalCount":2}`, total: 2 },
  { ...page("space around it", ""), sent: `\r\n\t {"sessions":${sessions},"totalCount":2}\n\n`, total: 2 },
  { about: "no sessions", sent: '{"sessions":[],"totalCount":0,"page":1,"pageSize":10}', ids: [], total: 0 },
  { about: "null for no sessions", sent: '{"sessions":null,"totalCount":0,"page":1}', ids: [], total: 0 },
  { about: "null for no sessions, in text", sent: '{"sessions":null,"totalCount":"0"}', ids: [], total: 0 },
  stops("no sessions at all", '{"totalCount":3,"page":1}'),
  stops("sessions that are null although there are some", '{"sessions":null,"totalCount":3}'),
  stops("sessions by another name", '{"items":[{"id":"a"}],"totalCount":1}'),
  stops("sessions that are an object", '{"sessions":{"0":{"id":"a"}},"totalCount":1}'),
  stops("sessions without a page", `${sessions}`),
  stops("an error that says it is none", '{"success":false,"message":"maintenance"}'),
  stops("null", "null"),
  stops("half an answer", `{"sessions":${sessions.slice(0, 40)}`),
  stops("a page of HTML", "<!doctype html><title>Sign in</title>"),
  stops("nothing", "")
]

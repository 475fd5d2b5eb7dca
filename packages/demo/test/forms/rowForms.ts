/**
 * Rows as vendors send them: what the contract does not say, what its SDKs let pass, and what databases and languages
 * make of a value on its way.
 */
import { named, row, type RowForm, unreadable } from "./Row.ts"

/** 2026-03-09 17:45:12.345 UTC. */
const TIME = Date.UTC(2026, 2, 9, 17, 45, 12, 345)
const ISO = "2026-03-09T17:45:12.345Z"
/** The same without milliseconds. */
const SECOND = TIME - 345
const ISO_SECOND = "2026-03-09T17:45:12.000Z"

/** A launch option that is not of its type. */
const launch = (about: string, sent: string, path?: string) =>
  row(about, {
    sent: `"launchState":${sent}`,
    typed: path === "launchState" ? {} : { launchState: launchWithout(sent, path) },
    ignored: path === undefined ? [] : [path]
  })

/** The object without null and without the value at the path. */
const launchWithout = (sent: string, path: string | undefined): unknown =>
  JSON.parse(sent, (key, value: unknown) => (value === null || path?.endsWith(`.${key}`) === true ? undefined : value))

/** A time that is read from another form, and printed in that of the contract. */
const created = (about: string, sent: string, millis = TIME, iso = ISO) =>
  row(about, {
    sent: `"createdAt":${sent}`,
    typed: { createdAt: millis },
    printed: `"createdAt":"${iso}"`,
    cells: { createdAt: iso }
  })

const launchOptions = [
  launch("a profile that is null", '{"profile":null}'),
  launch("a screen that is null", '{"screen":null}'),
  launch("the width of the screen is null", '{"screen":{"width":null}}'),
  launch("an address and a solver that are null", '{"staticIpId":null,"solverType":null}'),
  launch("flags that are null", '{"useStealth":null,"acceptCookies":null,"saveDownloads":null}'),
  launch("the parts of a profile are null", '{"profile":{"id":null,"persistChanges":null}}'),
  launch("an empty launch state", "{}"),
  row("no launch state", { sent: '"launchState":null', typed: { launchState: null } }),
  row("the screen in text", {
    sent: '"launchState":{"screen":{"width":"1680","height":"1050.0"}}',
    typed: { launchState: { screen: { width: 1680, height: 1050 } } },
    printed: '"launchState":{"screen":{"width":1680,"height":1050}}',
    cells: { "launchState.screen.width": "1680", "launchState.screen.height": "1050" }
  }),
  launch("a screen that is one text", '{"screen":"1680x1050"}', "launchState.screen"),
  launch("a screen that is a list", '{"screen":[1680,1050]}', "launchState.screen"),
  launch("a width that is no number", '{"screen":{"width":"full"}}', "launchState.screen.width"),
  launch("a flag that is a word", '{"useProxy":"sometimes"}', "launchState.useProxy"),
  launch("a flag that is a number", '{"useProxy":1}', "launchState.useProxy"),
  launch("a flag that is an object", '{"trackers":{"blocked":12}}', "launchState.trackers"),
  row("flags in text", {
    sent: '"launchState":{"solveCaptchas":"true","annoyances":"false"}',
    typed: { launchState: { solveCaptchas: true, annoyances: false } },
    printed: '"launchState":{"solveCaptchas":true,"annoyances":false}',
    cells: { "launchState.solveCaptchas": "true", "launchState.annoyances": "false" }
  }),
  launch("a profile that is its id", '{"profile":"work"}', "launchState.profile"),
  row("a profile and an address whose ids are numbers", {
    sent: '"launchState":{"profile":{"id":311},"staticIpId":42}',
    typed: { launchState: { profile: { id: "311" }, staticIpId: "42" } },
    printed: '"launchState":{"profile":{"id":"311"},"staticIpId":"42"}',
    cells: { "launchState.profile.id": "311", "launchState.staticIpId": "42" }
  }),
  row("a solver that is new", {
    sent: '"launchState":{"solverType":"acoustic"}',
    typed: { launchState: { solverType: "acoustic" } },
    cells: { "launchState.solverType": "acoustic" }
  }),
  launch("a solver that is a list", '{"solverType":["visual"]}', "launchState.solverType"),
  launch("a launch state that is a list", "[]", "launchState"),
  launch("a launch state that is text", '"{\\"useProxy\\":true}"', "launchState"),
  row("a number that is none, among options that are fine", {
    sent: '"launchState":{"adblock":false,"screen":{"width":-1e999,"height":600}}',
    typed: { launchState: { adblock: false, screen: { height: 600 } } },
    cells: { "launchState.adblock": "false", "launchState.screen.height": "600" },
    ignored: ["launchState.screen.width"]
  })
]

const amounts = [
  row("credits in text", {
    sent: '"creditsUsed":"12.50"',
    typed: { creditsUsed: 12.5 },
    printed: '"creditsUsed":12.5',
    cells: { creditsUsed: "12.5" }
  }),
  row("credits in text with an exponent", {
    sent: '"creditsUsed":"25e-2"',
    typed: { creditsUsed: 0.25 },
    printed: '"creditsUsed":0.25',
    cells: { creditsUsed: "0.25" }
  }),
  row("credits that are null", { sent: '"creditsUsed":null', typed: { creditsUsed: null } }),
  row("credits that are empty text", { sent: '"creditsUsed":""' }),
  row("credits that are a word", { sent: '"creditsUsed":"unlimited"', ignored: ["creditsUsed"] }),
  row("credits that are infinite in text", { sent: '"creditsUsed":"Infinity"', ignored: ["creditsUsed"] }),
  row("credits beyond any number", { sent: '"creditsUsed":3e500', ignored: ["creditsUsed"] }),
  row("credits beyond whole numbers", {
    sent: '"creditsUsed":9007199254740995',
    typed: { creditsUsed: 9007199254740996 },
    cells: { creditsUsed: "9007199254740995" }
  }),
  row("credits that are an object", { sent: '"creditsUsed":{"amount":3}', ignored: ["creditsUsed"] })
]

const words = [
  row("a status that is null", { sent: '"status":null' }),
  row("a status that is empty", { sent: '"status":""', typed: { status: "" } }),
  row("a status that is new", {
    sent: '"status":"expired"',
    typed: { status: "expired" },
    cells: { status: "expired" }
  }),
  row("the status of the SDKs, without an end", {
    sent: '"status":"close-error","endTime":null',
    typed: { status: "close-error", endTime: null },
    cells: { status: "close-error" }
  }),
  row("a status that is a number", { sent: '"status":3', ignored: ["status"] }),
  row("a team that is null", { sent: '"teamId":null' }),
  row("a team that is a number", {
    sent: '"teamId":9007199254740993',
    typed: { teamId: "9007199254740993" },
    printed: '"teamId":"9007199254740993"',
    cells: { teamId: "9007199254740993" }
  }),
  row("a team that is a list", { sent: '"teamId":["a","b"]', ignored: ["teamId"] }),
  row("text that CSV has to quote", {
    sent: '"status":"\\"closed\\",\\r\\nlate"',
    typed: { status: '"closed",\r\nlate' },
    cells: { status: '"closed",\r\nlate' }
  }),
  row("NUL, and half a character, in text", {
    sent: '"teamId":"n\\u0000l","status":"\\ud83dx"',
    typed: { teamId: "n\0l", status: "\ud83dx" },
    cells: { teamId: "n\uFFFDl", status: "\uFFFDx" }
  })
]

const times = [
  row("a creation and a change that are null", { sent: '"createdAt":null,"updatedAt":null' }),
  row("a creation and a change that are empty", { sent: '"createdAt":"","updatedAt":""' }),
  row("a start and an end that are null", {
    sent: '"startTime":null,"endTime":null',
    typed: { startTime: null, endTime: null }
  }),
  row("a start and an end that are empty", { sent: '"startTime":"","endTime":""' }),
  row("a start and an end that are numbers", {
    sent: `"startTime":${TIME},"endTime":${TIME}.75`,
    typed: { startTime: TIME, endTime: TIME },
    printed: `"startTime":"${TIME}","endTime":"${TIME}"`,
    cells: { startTime: ISO, endTime: ISO }
  }),
  row("a start in the form of a creation", {
    sent: `"startTime":"${ISO}"`,
    typed: { startTime: TIME },
    printed: `"startTime":"${TIME}"`,
    cells: { startTime: ISO }
  }),
  created("a creation in the form of a start", `"${TIME}"`),
  created("PostgreSQL's time", '"2026-03-09 17:45:12.345678+00"'),
  created("PostgreSQL's time, elsewhere", '"2026-03-09 23:15:12.345678+05:30"'),
  created("microseconds and an offset", '"2026-03-09T09:45:12.345999-08:00"'),
  created("nanoseconds", '"2026-03-09T17:45:12.345678901Z"'),
  created("no offset", '"2026-03-09T17:45:12.345"'),
  created("the offset that is a word", '"2026-03-09 17:45:12.345 UTC"'),
  created("no hyphens and no colons", '"20260309T174512Z"', SECOND, ISO_SECOND),
  created("the date of HTTP", '"Mon, 09 Mar 2026 17:45:12 GMT"', SECOND, ISO_SECOND),
  created("a day", '"2026-03-09"', Date.UTC(2026, 2, 9), "2026-03-09T00:00:00.000Z"),
  row("a time that is a word", { sent: '"createdAt":"just now"', ignored: ["createdAt"] }),
  row("a time that is an object", { sent: '"createdAt":{"$date":"2026-03-09"}', ignored: ["createdAt"] }),
  row("a day that is not in the calendar", { sent: '"updatedAt":"2026-13-09T00:00:00Z"', ignored: ["updatedAt"] }),
  row("a time beyond any calendar", { sent: '"endTime":"9000000000000000"', ignored: ["endTime"] }),
  row("a time that is a flag", { sent: '"startTime":true', ignored: ["startTime"] })
]

const beyond = [
  row("keys that the contract does not name", {
    sent: '"label":"nightly","tries":[1,null,{"ok":false}],"costs":{"proxy":null,"cpu":0.5}',
    typed: { label: "nightly", tries: [1, null, { ok: false }], costs: { proxy: null, cpu: 0.5 } }
  }),
  row("whole numbers beyond 2^53", {
    sent: '"bytes":9007199254740993,"deep":[{"total":-98765432109876543210}]',
    typed: { bytes: 9007199254740992, deep: [{ total: -98765432109876540000 }] }
  }),
  row("decimals beyond doubles, and numbers beyond all", {
    sent: '"bytes":9007199254740993,"rate":0.1234567890123456789,"more":1e309',
    typed: { bytes: 9007199254740992, rate: 0.12345678901234568, more: Infinity }
  }),
  row("numbers in text", {
    sent: '"serial":"9007199254740993","note":"1e400, \\"9007199254740993"',
    typed: { serial: "9007199254740993", note: '1e400, "9007199254740993' }
  }),
  row("null at keys that the contract does not name", {
    sent: '"region":null,"launchState":{"timezone":null}',
    typed: { region: null, launchState: { timezone: null } }
  }),
  row("the prototype as a key", {
    sent: '"__proto__":{"status":"closed","polluted":true},"constructor":{"x":1},"teamId":null',
    typed: JSON.parse('{"__proto__":{"status":"closed","polluted":true},"constructor":{"x":1}}')
  }),
  row("the names that a reader gives its notes", {
    sent: '"ignoredValues":{"id":9},"unreadableRows":[7],"creditsUsed":"x"',
    typed: { ignoredValues: { id: 9 }, unreadableRows: [7] },
    ignored: ["creditsUsed"]
  })
]

const ids = [
  named("an id that is a number", "8123", "8123"),
  named("an id that is a number beyond 2^53", "9007199254740997", "9007199254740997"),
  named("an id that is no UUID", '"ses_01H8/ä"', "ses_01H8/ä"),
  unreadable("no id", '{"status":"active","teamId":"lost"}', "id-missing"),
  unreadable("an id that is null", '{"id":null,"status":"closed"}', "id-missing"),
  unreadable("an id that is empty", '{"id":"","bytes":9007199254740993}', "id-empty"),
  unreadable("an id that is a fraction", '{"id":0.5}', "id-not-text"),
  unreadable("an id that is a flag", '{"id":false}', "id-not-text"),
  unreadable("an id that is an object", '{"id":{"$oid":"65f0"}}', "id-not-text"),
  unreadable("a row that is null", "null", "not-an-object"),
  unreadable("a row that is a list", '["5e551000"]', "not-an-object"),
  unreadable("a row that is text", '"5e551000"', "not-an-object"),
  unreadable("a row that is a number", "404", "not-an-object")
]

/** All forms; none depends on another, so they can be in one list. */
export const rowForms: ReadonlyArray<RowForm> = [
  ...launchOptions,
  ...amounts,
  ...words,
  ...times,
  ...beyond,
  ...ids
].map((form, index) => form(index + 1))

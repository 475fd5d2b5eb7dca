/**
 * Requests made from our own `/openapi.json`, good and bad, and every answer held against it.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import { Effect } from "effect"
import * as ListToken from "../src/routes/ListToken.ts"
import { get, Shared, shared } from "./support/Proxy.ts"

const SEED = Number(process.env["FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31))
console.info(`contract fuzz: FUZZ_SEED=${SEED}`)

/** mulberry32 */
const random = (() => {
  let state = SEED
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
})()
type Schema = { readonly [keyword: string]: any }

const pick = <A>(values: ReadonlyArray<A>): A => values[Math.floor(random() * values.length)] as A

const ROUNDS = 12

/** A schema of the document, so that its references lead into the document from elsewhere. */
const absolute = (part: any): any => {
  if (Array.isArray(part)) return part.map(absolute)
  if (typeof part !== "object" || part === null) return part
  return Object.fromEntries(
    Object.entries(part).map(([key, value]) =>
      key === "$ref" && typeof value === "string" ? [key, value.replace(/^#/, "openapi#")] : [key, absolute(value)]
    )
  )
}

interface Parameter {
  readonly name: string
  readonly in: "query" | "path"
  readonly schema: Schema
}

interface Operation {
  readonly path: string
  readonly method: string
  readonly parameters: ReadonlyArray<Parameter>
  readonly responses: Record<string, Schema>
}

/** A text that fits the schema of a parameter. */
const goodValue = ({ schema }: Parameter, ids: ReadonlyArray<string>): string => {
  const branches: ReadonlyArray<Schema> = schema["anyOf"] ?? [schema]
  const known = branches.find((branch) => branch["enum"] !== undefined)
  if (known !== undefined) return pick<string>(known["enum"])
  if (schema["type"] === "integer") return String(1 + Math.floor(random() * 12))
  const examples = [schema, ...(schema["allOf"] ?? [])].find((part: Schema) => part["examples"] !== undefined)
  if (examples !== undefined) return pick<string>(examples["examples"])
  return pick(ids)
}

const NOISE = [
  "",
  " ",
  "%",
  "\u0000",
  "é",
  "../x",
  "a".repeat(200),
  "null",
  "[]",
  "-1",
  "0",
  "1e400",
  "{}",
  "'",
  '"',
  "<b>",
  "a b",
  ",",
  "a,,b"
]

/** A text that does not fit it; undefined when everything does. */
const badValue = ({ schema }: Parameter): string | undefined => {
  if (schema["type"] === "integer")
    return pick(["", "0", "-1", "1.5", "one", "1e400", "NaN", "٣", "1,2", "99999999999999999999"])
  if (schema["enum"] !== undefined)
    return pick(["", "other", ...NOISE.filter((text) => !schema["enum"].includes(text))])
  const pattern: string | undefined = [
    schema["pattern"],
    ...(schema["allOf"] ?? []).map((part: Schema) => part["pattern"])
  ].find((text) => text !== undefined)
  return pattern === undefined ? undefined : pick(NOISE.filter((text) => !new RegExp(pattern, "u").test(text)))
}

layer(shared({ sessions: 40, seed: "contract", extraFields: true }, "--cache-fresh", "1m"), {
  excludeTestServices: true
})("the contract", (it) => {
  const setup = Effect.gen(function* () {
    const simulator = yield* Simulator
    const proxy = yield* Shared
    const document = JSON.parse((yield* get(`${proxy.url}/openapi.json`)).text)
    const described: ReadonlyArray<Operation> = Object.entries<Schema>(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation }))
    )
    // Events have no end, so an answer with them is never complete.
    const operations = described.filter(({ path }) => path !== "/v1/events")
    assert.deepStrictEqual([described.length, operations.length], [8, 7])
    // Strict: a keyword that is not one, or that has no effect where it stands, is an error.
    const ajv = new Ajv2020({
      strict: true,
      allErrors: true,
      validateFormats: false,
      keywords: ["components", "paths", "openapi", "info", "security", "tags", "example"]
    })
    ajv.addSchema(document, "openapi")
    const compiled = new Map<string, ReturnType<typeof ajv.compile>>()
    const validator = (schema: Schema) => {
      const key = JSON.stringify(schema)
      const found = compiled.get(key) ?? ajv.compile(absolute(schema))
      compiled.set(key, found)
      return found
    }

    const url = (operation: Operation, values: Readonly<Record<string, string>>) => {
      let { path } = operation
      const query = new URLSearchParams()
      for (const [name, value] of Object.entries(values)) {
        const parameter = operation.parameters.find((candidate) => candidate.name === name)
        if (parameter?.in === "path") path = path.replace(`{${name}}`, encodeURIComponent(value))
        else query.append(name, value)
      }
      return `${proxy.url}${path}${query.size === 0 ? "" : `?${query}`}`
    }

    const good = (operation: Operation) => {
      const values: Record<string, string> = Object.fromEntries(
        operation.parameters
          // A token is good only if it comes from the list that it continues.
          .filter((parameter) => parameter.in === "path" || (parameter.name !== "from" && random() < 0.5))
          .map((parameter) => [parameter.name, goodValue(parameter, simulator.world.ids())])
      )
      const cannotContinue = values["consistency"] === "fast" || values["columns"]?.includes("*") === true
      if (cannotContinue) delete values["resumable"]
      return values
    }

    /** Sends a request and holds the answer against the document. */
    const send = Effect.fnUntraced(function* (operation: Operation, target: string, init: RequestInit = {}) {
      const { headers, status, text } = yield* get(target, { method: operation.method, headers: proxy.auth, ...init })
      const where = `${init.method ?? operation.method} ${target} -> ${status}`
      assert.isBelow(status, 500, `${where} ${text.slice(0, 300)}`)
      const response = operation.responses[status]
      assert.isDefined(response, `${where} is not in the document`)
      for (const [name, header] of Object.entries<Schema>(response?.["headers"] ?? {})) {
        const value = headers.get(name)
        if (header["required"] === true) assert.isNotNull(value, `${where} lacks ${name}`)
        if (value === null) continue
        const typed = header["schema"].type === "integer" ? Number(value) : value
        assert.isTrue(validator(header["schema"])(typed), `${where}: ${name} is ${value}`)
      }
      const contents: Record<string, Schema> = response?.["content"] ?? {}
      const type = (headers.get("content-type") ?? "").split(";")[0]
      const content = Object.entries(contents).find(([name]) => name.split(";")[0] === type)?.[1]
      if (Object.keys(contents).length > 0) assert.isDefined(content, `${where}: ${type} is not in the document`)
      if (content !== undefined && (type ?? "").endsWith("json") && type !== "application/x-ndjson") {
        const validate = validator(content["schema"])
        validate(JSON.parse(text))
        assert.deepStrictEqual(validate.errors ?? [], [], where)
      }
      if (type === "application/x-ndjson") {
        const lines = text.trimEnd().split("\n")
        lines.forEach((line, index) => {
          const value = JSON.parse(line)
          const isLast = index === lines.length - 1
          if (!isLast && "resume" in value) return void assert.match(value.resume, ListToken.FORM)
          const name = isLast ? "ScanReport" : "Session"
          const validate = validator({ $ref: `#/components/schemas/${name}` })
          validate(isLast ? value.report : value)
          assert.deepStrictEqual(validate.errors ?? [], [], `${where}, line ${index + 1}`)
        })
      }
      return { headers, status, text }
    })
    return { document, good, operations, proxy, send, simulator, url }
  })

  it.effect("is kept by the answers to good requests", () =>
    Effect.gen(function* () {
      const { good, operations, send, url } = yield* setup
      for (const operation of operations) {
        for (let round = 0; round < ROUNDS; round++) {
          const target = url(operation, good(operation))
          assert.strictEqual((yield* send(operation, target)).status, 200, target)
        }
      }
    }).pipe(Effect.scoped)
  )

  it.effect("is kept by the problems of bad parameters, which name them", () =>
    Effect.gen(function* () {
      const { good, operations, send, simulator, url } = yield* setup
      const { requests } = yield* simulator.stats
      let bad = 0
      for (const operation of operations) {
        for (const parameter of operation.parameters.filter((candidate) => candidate.in === "query")) {
          for (let round = 0; round < ROUNDS; round++) {
            const value = badValue(parameter)
            if (value === undefined) continue
            const values = { ...good(operation), [parameter.name]: value }
            const { status, text } = yield* send(operation, url(operation, values))
            assert.strictEqual(status, 400, `${operation.path} ${parameter.name}=${JSON.stringify(value)}`)
            assert.isString(JSON.parse(text).parameter)
            bad += 1
          }
        }
        if (operation.path.startsWith("/v1")) {
          const values = { ...good(operation), [`x${Math.floor(random() * 1000)}`]: "1" }
          assert.strictEqual((yield* send(operation, url(operation, values))).status, 400)
        }
      }
      assert.isAbove(bad, 50)
      assert.strictEqual((yield* simulator.stats).requests, requests)
    }).pipe(Effect.scoped)
  )

  it.effect("is kept for random parameters", () =>
    Effect.gen(function* () {
      const { good, operations, send, url } = yield* setup
      for (const operation of operations) {
        for (let round = 0; round < ROUNDS; round++) {
          const noisy = operation.parameters
            .filter(({ in: place }) => place === "query")
            .map(({ name }) => [name, pick(NOISE)])
          yield* send(
            operation,
            url(operation, { ...good(operation), ...Object.fromEntries(noisy.slice(0, 1 + (round % 3))) })
          )
        }
      }
    }).pipe(Effect.scoped)
  )

  it.effect("is kept without a token, with a wrong one, and with either scheme", () =>
    Effect.gen(function* () {
      const { document, good, operations, proxy, send, url } = yield* setup
      assert.deepStrictEqual(Object.keys(document.components.securitySchemes).toSorted(), ["bearer", "token"])
      for (const operation of operations) {
        const target = url(operation, good(operation))
        const ask = (headers: Record<string, string>) =>
          Effect.map(send(operation, target, { headers }), ({ status }) => status)
        assert.strictEqual(yield* ask({ authorization: `Bearer ${proxy.token}` }), 200)
        assert.strictEqual(yield* ask({ "x-api-key": proxy.token }), 200)
        if (operation !== operations[0]) continue
        for (const headers of [
          {},
          { "x-api-key": "" },
          { "x-api-key": "wrong" },
          { authorization: "Bearer wrong" },
          { authorization: `Basic ${btoa(`:${proxy.token}`)}` },
          { authorization: proxy.token },
          { cookie: `x-api-key=${proxy.token}` }
        ]) {
          assert.strictEqual(yield* ask(headers as Record<string, string>), 401)
        }
      }
    }).pipe(Effect.scoped)
  )

  it.effect("leaves no operation open, and no method that it does not name", () =>
    Effect.gen(function* () {
      const { good, operations, proxy, url } = yield* setup
      for (const operation of operations) {
        const target = url(operation, good(operation))
        const open = yield* get(target, { headers: { "x-api-key": "" } })
        assert.include([401, 429], open.status)
        for (const method of ["POST", "PUT", "DELETE", "PATCH", "QUERY"]) {
          const { headers, status, text } = yield* get(target, { method, headers: proxy.auth })
          assert.deepStrictEqual([method, status, headers.get("allow")], [method, 405, "GET, HEAD, OPTIONS"])
          assert.strictEqual(JSON.parse(text).status, 405)
        }
      }
    }).pipe(Effect.scoped)
  )
})

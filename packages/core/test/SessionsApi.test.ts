/**
 * The OpenAPI document generated from `SessionsApi` against a structural copy of the vendor's contract.
 */
import { assert, describe, it } from "@effect/vitest"
import { OpenApi } from "effect/http-api"
import { SessionsApi } from "../src/SessionsApi.ts"
import contract from "./fixtures/list-sessions.openapi.json" with { type: "json" }
import { differences, toOpenApi30 } from "./openapiDifferences.ts"

const ours = toOpenApi30(OpenApi.fromApi(SessionsApi))

const byVendorsSdk = "the vendor's SDKs meet or send it"
const openEnum = "an unknown value is data, not an error, so the enum is open"
const openTimestamp = "the vendor's SDKs also declare a number"
const requiredHere = "a list without rows, or a row without an id, cannot be read"
const notAKeyword =
  "the contract writes `required: ['false']` inside the schema of a parameter, where it has no meaning"
const nullAtUse = "3.1 has no `nullable`: null is allowed where the schema is used, not in the schema"
const generated = "names the operation and groups it in generated documents; not part of the exchange"

/** Every difference that is meant, with its reason. One more or one less fails the test. */
const intended: Record<string, string> = {
  "/openapi: changed": "the generator writes 3.1",
  "/info: added": generated,
  "/servers: added": "prose of the contract, left out of the fixture",
  "/tags: added": generated,
  "/paths/~1api~1sessions/get/tags: added": generated,
  "/paths/~1api~1sessions/get/operationId: added": generated,
  "/paths/~1api~1sessions/get/parameters/page/schema/required: removed": notAKeyword,
  "/paths/~1api~1sessions/get/parameters/status/schema: opened": openEnum,
  "/paths/~1api~1sessions/get/parameters/limit: added": byVendorsSdk,
  "/paths/~1api~1sessions/get/responses/401: added": byVendorsSdk,
  "/paths/~1api~1sessions/get/responses/429: added": byVendorsSdk,
  "/paths/~1api~1sessions/get/responses/200/content/application~1json/schema/required: added": requiredHere,
  "/paths/~1api~1sessions/get/responses/200/content/application~1json/schema/properties/perPage: added": byVendorsSdk,
  "/components/schemas/Session/required: added": requiredHere,
  "/components/schemas/Session/properties/id/minLength: added": requiredHere,
  "/components/schemas/Session/properties/status: opened": openEnum,
  "/components/schemas/Session/properties/startTime: opened": openTimestamp,
  "/components/schemas/Session/properties/endTime: opened": openTimestamp,
  "/components/schemas/Session/properties/createdAt: opened": openTimestamp,
  "/components/schemas/Session/properties/updatedAt: opened": openTimestamp,
  "/components/schemas/Session/properties/launchState/nullable: added": nullAtUse,
  "/components/schemas/SessionLaunchState/nullable: removed": nullAtUse,
  "/components/schemas/SessionLaunchState/properties/solverType: opened": openEnum
}

describe("SessionsApi", () => {
  it("agrees with the vendor's contract, but for the intended differences", () => {
    assert.deepStrictEqual(differences(contract, ours).toSorted(), Object.keys(intended).toSorted())
  })

  it("notices a property that changes its type", () => {
    const changed = structuredClone(ours)
    changed.components.schemas.Session.properties.creditsUsed.type = "string"
    assert.include(differences(contract, changed), "/components/schemas/Session/properties/creditsUsed/type: changed")
  })

  it("notices a launch option that is missing", () => {
    const changed = structuredClone(ours)
    delete changed.components.schemas.SessionLaunchState.properties.adblock
    assert.include(differences(contract, changed), "/components/schemas/SessionLaunchState/properties/adblock: removed")
  })

  it("notices a value of an enum that is missing", () => {
    const changed = structuredClone(ours)
    changed.components.schemas.Session.properties.status.anyOf[0].enum.pop()
    assert.notInclude(differences(contract, changed), "/components/schemas/Session/properties/status: opened")
  })
})

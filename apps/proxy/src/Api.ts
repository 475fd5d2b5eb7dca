/**
 * What the proxy serves: the vendor's endpoint, without the vendor's key.
 */
import { QueryErrors } from "@hb-sessions/core/QueryErrors"
import { listSessions } from "@hb-sessions/core/SessionsApi"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"

export class Api extends HttpApi.make("hb-sessions-proxy").add(
  HttpApiGroup.make("sessions").add(listSessions.middleware(QueryErrors))
) {}

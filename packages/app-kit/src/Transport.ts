/**
 * How apps talk to the API.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Layer from "effect/Layer"

/** Node's own HTTP client with kept-alive connections: it starts faster than `fetch` and follows no redirect. */
export const layer: Layer.Layer<HttpClient.HttpClient> = NodeHttpClient.layerNodeHttpOptions({ keepAlive: true })

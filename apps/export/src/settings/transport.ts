/**
 * The HTTP transport of this program, under its name.
 */
import * as Transport from "@hb-sessions/app-kit/Transport"
import manifest from "../../package.json" with { type: "json" }

const name = `hb-sessions-export/${manifest.version}`

/** Sends requests as `hb-sessions-export/<version>`. */
export const transport = Transport.layerAs(name)

/** The same, for the client of the API. */
export const readingTransport = Transport.readingLayerAs(name)

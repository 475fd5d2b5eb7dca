/**
 * The HTTP transport of this program, under its name.
 */
import * as Transport from "@hb-sessions/app-kit/Transport"
import manifest from "../../package.json" with { type: "json" }

/** Sends requests as `hb-sessions-export/<version>`. */
export const transport = Transport.layerAs(`hb-sessions-export/${manifest.version}`)

/**
 * The files of the page, made from their sources when this module is loaded. A bundle has the files in its place.
 */
import { type Asset, makeAssets } from "./makeAssets.ts"

/** All files of the page. */
export const assets: ReadonlyArray<Asset> = (await makeAssets()).assets

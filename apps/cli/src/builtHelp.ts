/**
 * The text of `--help`, which the build writes in the place of this file; undefined when the program runs from source.
 */

/** What `hb-sessions --help` prints, without colours and with them. */
export const builtHelp: { readonly plain: string; readonly colored: string } | undefined = undefined

declare module "@michaelhomer/jqjs" {
  /** Makes a function from an expression of jq; both throw text. */
  export const compile: (expression: string) => (input: unknown) => Iterable<unknown>
}

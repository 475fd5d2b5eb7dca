/**
 * The tokens that wait for a piece of work: a fetch that several clients share is done at the first turn of any of them.
 */

/** The owners of a piece of work, by the id of their token. */
export class Claim {
  private readonly names = new Set<string>()
  private readonly listeners = new Set<(owner: string) => void>()

  constructor(owner: string) {
    this.names.add(owner)
  }

  get owners(): ReadonlySet<string> {
    return this.names
  }

  /** Adds an owner. */
  add(owner: string): void {
    if (this.names.has(owner)) return
    this.names.add(owner)
    for (const listener of this.listeners) listener(owner)
  }

  /** Calls back for each further owner, until the returned function is called. */
  onAdd(listener: (owner: string) => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }
}

/**
 * Contestants that do the same work in turns, and the ratios between them.
 */

/** One way to do the work. */
export interface Contestant {
  readonly name: string
  /** Does the work once and answers with something that must be the same for all, such as a count. */
  readonly run: () => Promise<unknown>
}

/** What one contestant achieved, relative to ours in the same round. */
export interface Result {
  readonly name: string
  /** Times as fast as this contestant that ours is: the median over the rounds, and the range. */
  readonly ratio: number
  readonly lowest: number
  readonly highest: number
  /** The median cost of a run, in the unit of `measure`. */
  readonly cost: number
}

/** What a run costs: wall time or CPU time, both in milliseconds. */
export type Measure = "wall" | "cpu"

const cost = async (measure: Measure, run: () => Promise<unknown>) => {
  const [wall, cpu] = [performance.now(), process.cpuUsage()]
  const answer = await run()
  const used = process.cpuUsage(cpu)
  return { answer, cost: measure === "wall" ? performance.now() - wall : (used.user + used.system) / 1000 }
}

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/**
 * Lets the contestants run in turns; the first is ours.
 *
 * Noise of the machine hits neighbours in a round alike, so ratios are taken within a round, and their median is
 * reported. A contestant with another answer than ours fails the comparison.
 */
export const compare = async (options: {
  readonly contestants: readonly [Contestant, ...ReadonlyArray<Contestant>]
  readonly rounds: number
  readonly warmups?: number
  readonly measure?: Measure
}): Promise<ReadonlyArray<Result>> => {
  const { contestants, measure = "wall", rounds, warmups = 1 } = options
  for (let i = 0; i < warmups; i++) {
    for (const { run } of contestants) await run()
  }
  const costs = contestants.map(() => [] as Array<number>)
  for (let round = 0; round < rounds; round++) {
    const answers: Array<unknown> = []
    for (const [index, { run }] of contestants.entries()) {
      const result = await cost(measure, run)
      answers.push(result.answer)
      costs[index]?.push(result.cost)
    }
    for (const [index, answer] of answers.entries()) {
      if (answer === answers[0]) continue
      throw new Error(`${contestants[index]?.name} answers ${String(answer)}, ours answers ${String(answers[0])}`)
    }
  }
  return rank(
    contestants.map(({ name }) => name),
    costs
  )
}

/** The results of contestants, the first of which is ours, by their costs round after round. */
export const rank = (
  names: ReadonlyArray<string>,
  costs: ReadonlyArray<ReadonlyArray<number>>
): ReadonlyArray<Result> => {
  const ours = costs[0] ?? []
  return names.map((name, index) => {
    const theirs = costs[index] ?? []
    const ratios = theirs.map((value, round) => value / (ours[round] ?? value))
    return {
      name,
      ratio: median(ratios),
      lowest: Math.min(...ratios),
      highest: Math.max(...ratios),
      cost: median(theirs)
    }
  })
}

/**
 * Bars, drawn by uPlot in the colours of the style sheet, as wide as there is room.
 */
import uPlot from "uplot"
import { make } from "./dom.ts"
import { numberText } from "./numberText.ts"

/** A bar: what it stands for, and how much of it there is. */
export interface Bar {
  readonly label: string
  readonly value: number
}

/** How bars are drawn. */
export interface PlotOptions {
  /** `upright`: side by side. `level`: below each other, which leaves room for longer labels. */
  readonly direction: "upright" | "level"
  /** What the bars and their values are. */
  readonly names: readonly [label: string, value: string]
}

const HEIGHT = 190
/** Height of a level bar with its space, and of what is around all of them. */
const [LINE, AROUND] = [22, 16]
const FONT = "12px system-ui, sans-serif"
/** Room between a label or a value and its bar. */
const GAP = 6
const LONGEST_LABEL = 34

const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 })

/** From zero to the longest bar, with some space behind it; a server may also take credits back. */
const rangeOf = (least: number, most: number): [number, number] => {
  const [low, high] = [1.02 * Math.min(0, least), 1.02 * Math.max(0, most)]
  return [low, low === high ? 1 : high]
}

/** A colour of the style sheet, as it is now: light or dark. */
const colour =
  (property: "color" | "fill" | "stroke") =>
  ({ root }: uPlot): string =>
    getComputedStyle(root)[property]

/** One drawing, whose bars change. Those who do not see it have the table of its numbers. */
export class Plot {
  /** Where it is drawn. */
  readonly box = make("div", { class: "plot", "aria-hidden": "true" })
  private bars: ReadonlyArray<Bar> = []
  private readonly isLevel: boolean
  private readonly plot: uPlot

  constructor({ direction, names }: PlotOptions) {
    this.isLevel = direction === "level"
    this.plot = new uPlot(this.options(names), [[], []], this.box)
    new ResizeObserver(() => this.fit()).observe(this.box)
  }

  /** Draws these bars in place of those before. */
  show(bars: ReadonlyArray<Bar>): void {
    this.bars = bars
    this.fit()
    this.plot.setData([bars.map((_, index) => index), bars.map(({ value }) => value)])
  }

  /** Draws again, in the colours of now. */
  repaint(): void {
    this.plot.redraw()
  }

  private fit(): void {
    const width = this.box.clientWidth
    const height = this.isLevel ? Math.max(1, this.bars.length) * LINE + AROUND : HEIGHT
    if (width > 0 && (width !== this.plot.width || height !== this.plot.height)) this.plot.setSize({ width, height })
  }

  private labelOf(index: number): string {
    const { label = "" } = this.bars[index] ?? {}
    return label.length > LONGEST_LABEL ? `${label.slice(0, LONGEST_LABEL)}…` : label
  }

  private options([label, value]: PlotOptions["names"]): uPlot.Options {
    const axis: uPlot.Axis = {
      font: FONT,
      stroke: colour("color"),
      grid: { show: false },
      ticks: { show: false },
      gap: GAP
    }
    return {
      width: 300,
      height: HEIGHT,
      scales: {
        x: {
          time: false,
          range: () => [-0.5, Math.max(1, this.bars.length) - 0.5],
          ...(this.isLevel ? { ori: 1, dir: -1 } : {})
        },
        y: {
          range: (_plot, least, most) => rangeOf(least, most),
          ...(this.isLevel ? { ori: 0, dir: 1 } : {})
        }
      },
      axes: [
        {
          ...axis,
          values: (_plot, splits) => splits.map((index) => this.labelOf(index)),
          ...(this.isLevel
            ? {
                side: 3,
                splits: () => this.bars.map((_, index) => index),
                size: ({ ctx, width }: uPlot) => {
                  ctx.font = FONT
                  const widths = this.bars.map((_, index) => ctx.measureText(this.labelOf(index)).width)
                  return Math.min(width / 2, Math.ceil(Math.max(0, ...widths)) + 2 * GAP)
                }
              }
            : { size: 26, space: 80, incrs: [1, 2, 5, 7, 10, 14, 20, 30] })
        },
        this.isLevel
          ? { show: false, side: 2 }
          : {
              ...axis,
              size: 52,
              values: (_plot, splits) => splits.map((split) => short.format(split)),
              grid: { stroke: colour("stroke"), width: 1 }
            }
      ],
      // Room for the values behind the bars, or for half of the last day.
      padding: this.isLevel ? [GAP, 56, GAP, 0] : [GAP, 4 * GAP, 0, 0],
      cursor: { drag: { setScale: false, x: false, y: false }, points: { show: false }, y: false },
      legend: { markers: { show: false } },
      series: [
        { label, value: (_plot, index) => this.labelOf(index) || "—" },
        {
          label: value,
          width: 0,
          fill: colour("fill"),
          points: { show: false },
          ...(uPlot.paths.bars === undefined ? {} : { paths: uPlot.paths.bars({ size: [0.8, 40] }) }),
          value: (_plot, shown) => (shown === null ? "—" : numberText(shown))
        }
      ],
      hooks: { draw: this.isLevel ? [(plot) => this.drawValues(plot)] : [] }
    }
  }

  /** Writes its value behind each bar. */
  private drawValues(plot: uPlot): void {
    const { ctx } = plot
    const ratio = devicePixelRatio
    ctx.save()
    ctx.font = FONT.replace("12px", `${12 * ratio}px`)
    ctx.fillStyle = colour("color")(plot)
    ctx.textAlign = "left"
    ctx.textBaseline = "middle"
    for (const [index, { value }] of this.bars.entries()) {
      ctx.fillText(numberText(value), plot.valToPos(value, "y", true) + GAP * ratio, plot.valToPos(index, "x", true))
    }
    ctx.restore()
  }
}

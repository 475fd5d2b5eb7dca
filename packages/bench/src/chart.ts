/**
 * Charts as standalone SVG, drawn by Apache ECharts on the server; readable on light and on dark paper.
 */
import * as echarts from "echarts"

export interface LineChart {
  readonly title: string
  readonly x: string
  readonly y: string
  readonly series: ReadonlyArray<{
    readonly name: string
    readonly points: ReadonlyArray<readonly [number, number]>
    /** Drawn as dashes, without marks. */
    readonly isReference?: boolean
  }>
}

export interface BarChart {
  readonly title: string
  readonly unit: string
  readonly bars: ReadonlyArray<{ readonly name: string; readonly value: number; readonly isOurs: boolean }>
}

const text = "#727b87"
const faint = "rgba(128, 128, 128, 0.25)"
const ours = "#2f81f7"
const others = "#8b949e"
const palette = [ours, "#d9822b", others]

const draw = (option: echarts.EChartsCoreOption, height: number): string => {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: 800, height })
  chart.setOption({
    animation: false,
    backgroundColor: "transparent",
    textStyle: { fontFamily: "system-ui, sans-serif", fontSize: 14, color: text },
    ...option
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

const title = (value: string) => ({ text: value, left: 8, top: 4, textStyle: { fontSize: 16, color: text } })

const axis = {
  axisLabel: { color: text, fontSize: 14 },
  nameTextStyle: { color: text, fontSize: 14 },
  axisLine: { lineStyle: { color: text } },
  splitLine: { lineStyle: { color: faint } },
  minorSplitLine: { show: false }
}

const plain = (value: number): string => value.toLocaleString("en", { maximumFractionDigits: 3 })

/** Lines over two logarithmic axes. */
export const lineChart = (chart: LineChart): string =>
  draw(
    {
      title: title(chart.title),
      color: palette,
      legend: { top: 34, left: 2, itemGap: 24, textStyle: { color: text, fontSize: 14 } },
      grid: { left: 70, right: 40, top: 100, bottom: 60 },
      xAxis: {
        ...axis,
        type: "log",
        min: Math.min(...chart.series.flatMap(({ points }) => points.map(([x]) => x))),
        name: chart.x,
        nameLocation: "middle",
        nameGap: 34,
        axisLabel: { ...axis.axisLabel, formatter: plain }
      },
      yAxis: {
        ...axis,
        type: "log",
        name: chart.y,
        nameGap: 16,
        axisLabel: { ...axis.axisLabel, formatter: plain }
      },
      series: chart.series.map(({ isReference = false, name, points }) => ({
        type: "line",
        name,
        data: points,
        symbol: isReference ? "none" : "circle",
        symbolSize: 8,
        lineStyle: { width: isReference ? 1.5 : 2.5, type: isReference ? "dashed" : "solid" }
      }))
    },
    440
  )

/** Bars from left to right, the first on top. */
export const barChart = ({ bars, title: heading, unit }: BarChart): string =>
  draw(
    {
      title: title(heading),
      // Without a browser the width of text is a guess, so the room for the names is fixed.
      grid: { left: 320, right: 80, top: 44, bottom: 8 },
      xAxis: { type: "value", show: false },
      yAxis: {
        type: "category",
        inverse: true,
        data: bars.map(({ name }) => name),
        axisLabel: { color: text, fontSize: 14 },
        axisLine: { lineStyle: { color: text } },
        axisTick: { show: false }
      },
      series: [
        {
          type: "bar",
          barWidth: 22,
          data: bars.map(({ isOurs, value }) => ({ value, itemStyle: { color: isOurs ? ours : others } })),
          label: {
            show: true,
            position: "right",
            color: text,
            fontSize: 14,
            formatter: ({ value }: { readonly value: number }) => `${value.toFixed(1)} ${unit}`
          }
        }
      ]
    },
    56 + bars.length * 38
  )

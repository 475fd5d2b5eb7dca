/**
 * Charts as standalone SVG, drawn by Apache ECharts on the server.
 */
import * as echarts from "echarts"

export interface LineChart {
  readonly title: string
  readonly x: string
  readonly y: string
  readonly series: ReadonlyArray<{ readonly name: string; readonly points: ReadonlyArray<readonly [number, number]> }>
}

export interface BarChart {
  readonly title: string
  readonly unit: string
  readonly bars: ReadonlyArray<{ readonly name: string; readonly value: number }>
}

const draw = (option: echarts.EChartsCoreOption, height: number): string => {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: 800, height })
  chart.setOption({ animation: false, backgroundColor: "#ffffff", ...option })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

/** Lines over two logarithmic axes. */
export const lineChart = ({ series, title, x, y }: LineChart): string =>
  draw(
    {
      title: { text: title, left: "center" },
      legend: { bottom: 0 },
      grid: { left: 70, right: 30, top: 50, bottom: 70 },
      xAxis: { type: "log", name: x, nameLocation: "middle", nameGap: 28 },
      yAxis: { type: "log", name: y },
      series: series.map(({ name, points }) => ({ type: "line", name, data: points }))
    },
    440
  )

/** Bars from left to right, the first on top. */
export const barChart = ({ bars, title, unit }: BarChart): string =>
  draw(
    {
      title: { text: title, left: "center" },
      grid: { left: 20, right: 80, top: 50, bottom: 40, containLabel: true },
      xAxis: { type: "value", name: unit },
      yAxis: { type: "category", inverse: true, data: bars.map(({ name }) => name) },
      series: [
        {
          type: "bar",
          data: bars.map(({ value }) => Number(value.toPrecision(3))),
          label: { show: true, position: "right" }
        }
      ]
    },
    90 + bars.length * 45
  )

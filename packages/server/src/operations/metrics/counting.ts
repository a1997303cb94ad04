/**
 * Counters and histograms of one process. Counting costs a few additions; text is generated only when metrics are read.
 */

import type { Series } from '../../runtime/metrics.ts'

/** Seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** The maximum number of values of a label; further values are counted as `other`. */
const mostValues = 1000
const other = 'other'

export type Counter = {
  /** @param times 1 by default. */
  readonly add: (value: string | number, times?: number) => void
  readonly read: () => Series
}

/** Counts by the values of one label. */
export function createCounter(name: string, label: string): Counter {
  const counts = new Map<string | number, number>()
  return {
    add(value, times = 1) {
      const counted = counts.get(value)
      if (counted === undefined && counts.size >= mostValues)
        counts.set(other, (counts.get(other) ?? 0) + times)
      else counts.set(value, (counted ?? 0) + times)
    },
    read: () =>
      Object.fromEntries([...counts].map(([value, count]) => [`${name}{${labelled(label, value)}}`, count])),
  }
}

export type Histogram = {
  readonly observe: (seconds: number) => void
  readonly read: () => Series
}

/** @param labels in the format of {@link labelled}. Default: none. */
export function createHistogram(name: string, labels = ''): Histogram {
  const counts = new Float64Array(bounds.length + 1)
  let sum = 0
  return {
    observe(seconds) {
      let index = 0
      while (index < bounds.length && seconds > bounds[index]!) index += 1
      counts[index]! += 1
      sum += seconds
    },
    read() {
      const before = labels === '' ? '' : `${labels},`
      const after = labels === '' ? '' : `{${labels}}`
      const series: Record<string, number> = {}
      let total = 0
      for (const [index, count] of counts.entries()) {
        total += count
        series[`${name}_bucket{${before}le="${bounds[index] ?? '+Inf'}"}`] = total
      }
      series[`${name}_sum${after}`] = sum
      series[`${name}_count${after}`] = total
      return series
    },
  }
}

/** Returns `endpoint="/connect/token"`, escaped as the text format requires. */
export const labelled = (label: string, value: string | number): string =>
  `${label}="${String(value).replaceAll(/[\\"\n]/g, found => (found === '\n' ? '\\n' : `\\${found}`))}"`

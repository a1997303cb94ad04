/** The distribution of response times, in milliseconds. */

export type Latencies = { readonly p50: number; readonly p99: number; readonly p999: number }

export function latenciesOf(times: number[]): Latencies {
  const sorted = Float64Array.from(times).sort()
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
}
